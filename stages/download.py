"""Prepare the data set, as a TFDS data set of few, large files.

Reads   nothing, or what data.path or data.url names
Writes  data/array_records/   ArrayRecord files and their description
        data/index.csv    file, label, class, group; one row per image, in the data set's order. GeoTIFF
                          files with coordinates have x and y, the centre in metres of EPSG:6933. Further
                          columns of labels.csv are kept
        data/contradictions.csv   the rows of images that have a copy with another label
        metrics/data.json   images; copies, of earlier images; contradictions, the number of those rows
        plots/tiles.png   sample tiles, one row per class

Copies are images with the same pixels, in all bands that the data set has. `group` is the place of the
first of them in the data set, from 0. The stage split keeps copies in one subset, and leaves contradictions out.
"""

from collections.abc import Iterator

from tqdm import tqdm

from eurosat_transfer.data.dataset import DATASET, TileDataset
from eurosat_transfer.data.index import (
    CONTRADICTIONS_FILE,
    DatasetIndex,
    LabelledImage,
    index_images,
    write_contradictions,
    write_index,
)
from eurosat_transfer.data.pixel_digest import array_digest, pixel_digest
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.named_files import check_is_no_output
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.tile_sheet import draw_tile_sheet

SAMPLES = 8  # tiles of each class in the picture


def main() -> None:
    """Run the stage."""
    params = load_section(Data)
    check_is_no_output("data.path", params.path)
    check_is_no_output("data.url", params.url)
    columns = prepare_dataset(params, DATASET)
    dataset = TileDataset()
    index = index_images(_digest_tiles(dataset), dataset.classes, columns)
    write_index(index)
    write_contradictions(index)
    write_json("metrics/data.json", index.count())
    samples = {name: [dataset[i].image for i in found] for name, found in index.first_of_each_class(SAMPLES).items()}
    draw_tile_sheet("plots/tiles.png", samples)
    print(_describe_copies(index))
    print(f"{len(index.files)} images of {len(index.classes)} classes; samples: plots/tiles.png")


def _digest_tiles(dataset: TileDataset) -> Iterator[LabelledImage]:
    bar = tqdm(dataset, desc="looking for copies", unit="image", mininterval=1, disable=None)
    for place, tile in enumerate(bar):
        digest = array_digest(dataset.read_bands(place)) if dataset.bands else pixel_digest(tile.image)
        yield LabelledImage(tile.file, tile.label, digest)


def _describe_copies(index: DatasetIndex) -> str:
    counts = index.count()
    if not counts["copies"]:
        return "no image is a copy of another"
    words = f"{counts['copies']} images are copies of others and stay in the subset of the first"
    if not counts["contradictions"]:
        return f"{words}; none has another label"
    return f"{words}; {counts['contradictions']} images have a copy with another label: {CONTRADICTIONS_FILE}"


if __name__ == "__main__":
    run_stage(main, __doc__)
