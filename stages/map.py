"""Map a scene with the saved model: the last step, in which the rest gets classified.

Reads   model/, and the scene that map.scene names
Writes  map/classes.tif, map/probability.tif, map/unsure.tif   the map, georeferenced as the scene
        map/map.png         a picture of the map beside the scene
        map/areas.csv       the area of each class, with an interval
        metrics/map.json    of a drawn scene, whose truth is known: how much of the map is right

With map.scene: auto, a scene is drawn for the drawn tiles (data.name: landcover-demo). Other data sets
have no scene of their own. Without a scene or without a saved model, map/ has only a note, and
metrics/map.json is empty.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import rasterio

from eurosat_transfer.data.drawings.scene import draw_scene, write_scene
from eurosat_transfer.evaluation.map_accuracy import score_map
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.io.local_path import to_path
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.map import Map
from eurosat_transfer.pipeline.named_files import check_is_no_output
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.prediction.saved_model import NoModelError, load_model
from eurosat_transfer.prediction.scene_map import MapOptions
from eurosat_transfer.reporting.map_folder import write_map

MAP, METRICS = Path("map"), "metrics/map.json"
NO_SCENE = "There is no scene to map. Set map.scene to the path of a GeoTIFF, or use `predict --map`.\n"


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    params, drawn = parameters.section(Map), parameters.section(Data).name == "landcover-demo"
    if params.scene is None or (params.scene == "auto" and not drawn):
        write_note(NO_SCENE)
        return
    try:
        model = load_model()
    except NoModelError as error:
        write_note(f"{error}\n")
        return
    if params.scene != "auto":
        check_is_no_output("map.scene", params.scene)
        scene = to_path(params.scene, "map.scene")
        write_map(model, scene, MAP, options(params), params.coverage, scene.name)
        write_json(METRICS, {})
        return
    image, truth = draw_scene()
    with TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        write_scene(scene, image)
        write_map(model, scene, MAP, options(params), params.coverage, "a drawn scene")
    with rasterio.open(MAP / "classes.tif") as classes, rasterio.open(MAP / "unsure.tif") as unsure:
        scores = score_map(classes.read(1), unsure.read(1), truth, model.description.classes)
    write_json(METRICS, scores)
    print(f"map: {scores['accuracy']:.3f} of the pixels are right, {scores['sure']:.3f} are sure")


def write_note(text: str) -> None:
    """Write why there is no map."""
    MAP.mkdir(exist_ok=True)
    (MAP / "README.txt").write_text(text, encoding="utf-8")
    write_json(METRICS, {})
    print(text, end="")


def options(params: Map) -> MapOptions:
    """Return the options of the map; "auto" is what the model says."""
    window, stride = (None if size == "auto" else size for size in (params.window, params.stride))
    bands, scale, offset = params.bands, params.scale, params.offset
    return MapOptions(
        window=window,
        stride=stride,
        bands=None if bands is None else (bands[0], bands[1], bands[2]),
        scale=None if scale is None else (scale[0], scale[1]),
        offset=(offset[0], offset[1], offset[2]),
        nodata=params.nodata,
        max_nodata=params.max_nodata,
        force=params.force,
        dense=params.dense,
    )


if __name__ == "__main__":
    run_stage(main, __doc__)
