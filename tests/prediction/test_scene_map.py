"""Maps of scenes: the right class at every pixel, valid files, gaps, and what is refused."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from prediction.small_model import CLASSES, SHARPNESS, write_model
from prediction.small_scene import (
    BLUE,
    COLOURS,
    CRS,
    FILES,
    GREEN,
    RED,
    TRANSFORM,
    contents,
    map_small,
    noise,
    plain,
    read,
    write_scene,
)
from rio_cogeo import cog_validate

from eurosat_transfer.errors import UserError

NODATA = 255
MAPS = ("classes.tif", "probability.tif", "unsure.tif")


def windows_of(low: int, high: int, length: int, window: int, stride: int) -> Iterator[int]:
    """Yield the first pixels of the windows that contain the pixels from low to high."""
    for start in sorted({*range(0, length - window + 1, stride), length - window}):
        if start <= low and high <= start + window:
            yield start


def expected_maps(image: np.ndarray, window: int, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the map of the tiny model plainly: classes, probability and distance at each pixel."""
    height, width = image.shape[:2]
    classes, probability, distance = (np.zeros((height, width)) for _ in range(3))
    for top in range(0, height, stride):
        for left in range(0, width, stride):
            bottom, right = min(top + stride, height), min(left + stride, width)
            outputs, distances = [], []
            for y in windows_of(top, bottom, height, window, stride):
                for x in windows_of(left, right, width, window, stride):
                    mean = image[y : y + window, x : x + window].mean(axis=(0, 1))
                    powers = np.exp(SHARPNESS * mean)
                    outputs.append(powers / powers.sum())
                    distances.append(np.linalg.norm(mean - 128))
            mean = np.mean(outputs, axis=0)
            place = slice(top, bottom), slice(left, right)
            classes[place], probability[place], distance[place] = mean.argmax(), mean.max(), np.mean(distances)
    return classes, probability, distance


@pytest.mark.parametrize(("window", "stride"), [(16, 8), (16, 16), (20, 7), (70, 35), (9, 3)])
def test_each_pixel_has_the_mean_of_the_windows_that_contain_its_cell(tmp_path, window, stride):
    image = noise(70, 90)
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", image), window=window, stride=stride)
    classes, probability, _ = expected_maps(image, window, stride)
    np.testing.assert_array_equal(read(tmp_path / "out/classes.tif"), classes)
    np.testing.assert_allclose(read(tmp_path / "out/probability.tif"), probability, atol=1e-5)


def test_the_default_window_is_the_tile_and_the_default_stride_is_half_of_it(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(50, 60))
    map_small(tmp_path, scene)
    map_small(tmp_path, scene, "explicit", window=16, stride=8)
    assert contents(tmp_path / "out") == contents(tmp_path / "explicit")


def test_codes_tell_sure_unsure_and_unfamiliar_pixels_apart(tmp_path):
    image = np.concatenate([plain(colour, 32, 32) for colour in (RED, (128, 128, 120), (255, 255, 255))], axis=1)
    scene = write_scene(tmp_path / "scene.tif", image)
    map_small(tmp_path, scene, window=16, stride=16)
    np.testing.assert_array_equal(read(tmp_path / "out/unsure.tif")[0, ::32], [0, 1, 2])
    map_small(tmp_path, scene, "lenient", window=16, stride=16, coverage=0.3)  # only scores up to 0.3: empty sets
    np.testing.assert_array_equal(read(tmp_path / "lenient/unsure.tif")[0, ::32], [0, 1, 2])


def test_the_maps_are_cloud_optimized_and_georeferenced_as_the_scene(tmp_path):
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(1100, 1300)), window=64, stride=64)
    for name in MAPS:
        valid, errors, warnings = cog_validate(tmp_path / "out" / name, strict=True)
        assert valid, (errors, warnings)
        with rasterio.open(tmp_path / "out" / name) as file:
            assert (file.width, file.height, file.count, file.crs, file.transform) == (1300, 1100, 1, CRS, TRANSFORM)
            assert file.overviews(1) == [2, 4]
            assert file.compression.name == "deflate"
            assert file.block_shapes == [(512, 512)]
            is_probability = name == "probability.tif"
            assert file.dtypes[0] == ("float32" if is_probability else "uint8")
            assert np.isnan(file.nodata) if is_probability else file.nodata == NODATA


def test_a_reduced_map_shows_the_pixels_that_have_data(tmp_path):
    image = plain(RED, 600, 600)
    image[::2] = 0
    scene = write_scene(tmp_path / "scene.tif", image, nodata=0)
    map_small(tmp_path, scene, window=64, stride=64, max_nodata=1)
    for name in MAPS:  # of 2 x 2 pixels, the upper two have no data
        with rasterio.open(tmp_path / "out" / name, overview_level=0) as file:
            assert file.shape == (300, 300)
            assert file.read_masks(1).all()


@pytest.mark.parametrize(
    ("name", "names", "colours"),
    [
        ("classes.tif", CLASSES, COLOURS),
        ("unsure.tif", ["sure", "unsure", "unfamiliar"], ["#d9d9d9", "#f28e2b", "#7b3294"]),
    ],
)
def test_values_have_names_and_colours(tmp_path, name, names, colours):
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(40, 40)))
    with rasterio.open(tmp_path / "out" / name) as file:
        table, tags = file.colormap(1), file.tags(1)
        assert file.descriptions == (name.removesuffix(".tif"),)
    assert ["#" + bytes(table[value][:3]).hex() for value in range(len(names))] == colours
    assert table[NODATA][3] == 0  # transparent
    assert [tags[f"CLASS_{value}"] for value in range(len(names))] == names
    # rasterio has no function for GDAL's category names, but a virtual copy shows them.
    rasterio.shutil.copy(tmp_path / "out" / name, tmp_path / "copy.vrt", driver="VRT")
    assert re.findall("<Category>(.*)</Category>", (tmp_path / "copy.vrt").read_text()) == names


def test_a_class_name_may_have_any_characters(tmp_path):
    write_model(tmp_path / "model", classes=["red & <orange>", "grün", "blue"])
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(40, 40)))
    rasterio.shutil.copy(tmp_path / "out/classes.tif", tmp_path / "copy.vrt", driver="VRT")
    assert "<Category>red &amp; &lt;orange&gt;</Category>" in (tmp_path / "copy.vrt").read_text(encoding="utf-8")
    with rasterio.open(tmp_path / "out/classes.tif") as file:
        assert file.tags(1)["CLASS_1"] == "grün"


def striped(gap: int) -> np.ndarray:
    """Make a red scene of 64 x 64 pixels with a line of zeros across it and a square of zeros in a corner."""
    image = plain(RED, 64, 64)
    image[20 : 20 + gap] = 0
    image[40:, 40:] = 0
    return image


@pytest.mark.parametrize("declared", [0, None])
def test_pixels_without_data_have_no_class_and_do_not_change_their_neighbours(tmp_path, declared):
    image = striped(gap=1)
    scene = write_scene(tmp_path / "scene.tif", image, nodata=declared)
    summary = map_small(tmp_path, scene, nodata=None if declared == 0 else 0, window=16, stride=8)
    map_small(tmp_path, write_scene(tmp_path / "whole.tif", plain(RED, 64, 64)), "whole", window=16, stride=8)
    missing = (image == 0).all(axis=-1)
    classes, probability, codes = (read(tmp_path / "out" / name) for name in MAPS)
    assert summary.nodata == missing.sum()
    np.testing.assert_array_equal(classes == NODATA, missing)
    np.testing.assert_array_equal(codes == NODATA, missing)
    np.testing.assert_array_equal(np.isnan(probability), missing)
    np.testing.assert_array_equal(probability[~missing], read(tmp_path / "whole/probability.tif")[~missing])


def test_windows_with_too_many_gaps_are_left_out(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", striped(gap=4), nodata=0)
    summary = map_small(tmp_path, scene, window=16, stride=16, max_nodata=0.25)
    assert summary.nodata == 4 * 64 + 24 * 24 + 2 * 8 * 16  # and what the two windows at the square's edges would cover
    summary = map_small(tmp_path, scene, window=16, stride=16, max_nodata=0.24)
    classes = read(tmp_path / "out/classes.tif")
    assert (classes[16:32] == NODATA).all()
    assert (classes[:16] == 0).all()
    assert summary.nodata == (classes == NODATA).sum()


def test_a_window_of_nothing_but_gaps_is_left_out_at_any_share(tmp_path):
    image = plain((0, 0, 0), 32, 64)
    image[:, :32] = RED
    scene = write_scene(tmp_path / "scene.tif", image, nodata=0)
    summary = map_small(tmp_path, scene, max_nodata=1)
    assert summary.nodata == 32 * 32
    assert summary.pixels.sum() == 32 * 32


@pytest.mark.parametrize("declared", [0, None])
def test_a_single_zero_is_a_dark_pixel_and_no_gap(tmp_path, declared):
    image = plain(BLUE, 32, 32)
    image[..., 0] = 0
    scene = write_scene(tmp_path / "scene.tif", image, nodata=declared)
    assert map_small(tmp_path, scene, nodata=None if declared == 0 else 0).nodata == 0


def test_a_mask_and_nan_mark_gaps_too(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", plain(RED, 32, 32))
    mask = np.full((32, 32), 255, np.uint8)
    mask[:, 31:] = 0
    with rasterio.open(scene, "r+") as file:
        file.write_mask(mask)
    assert map_small(tmp_path, scene).nodata == 32
    values = plain(RED, 32, 32).astype(np.float32)
    values[3, 3:5, 1] = [np.nan, np.inf]
    assert map_small(tmp_path, write_scene(tmp_path / "float.tif", values), "float", scale=(0, 255)).nodata == 2


def test_zeros_without_declaration_are_reported_with_the_option_that_declares_them(tmp_path, capsys):
    scene = write_scene(tmp_path / "scene.tif", striped(gap=1))
    map_small(tmp_path, scene)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{64 + 24 * 24} of 4096 pixels are 0 in all three bands, and the scene does not say which pixels have no data"
        ": they are classified as black; if they are gaps, give --nodata 0"
    ]
    map_small(tmp_path, scene, "declared", nodata=0)
    assert "--nodata" not in capsys.readouterr().out


def test_bands_and_scale_choose_what_the_classifier_sees(tmp_path):
    colours = np.concatenate([plain(RED, 32, 32), plain(GREEN, 32, 32)], axis=1)
    other = np.zeros((32, 64, 1), np.uint8)
    values = np.concatenate([other, colours[..., ::-1], other], axis=2).astype(np.uint16) * 10
    scene = write_scene(tmp_path / "scene.tif", values)
    map_small(tmp_path, scene, bands=(4, 3, 2), scale=(0, 2550), window=16, stride=16)
    np.testing.assert_array_equal(read(tmp_path / "out/classes.tif")[0, ::32], [0, 1])
    write_model(tmp_path / "model", bands=(4, 3, 2), scale=(0, 2550))  # now the model has them
    map_small(tmp_path, scene, "default", window=16, stride=16)
    assert contents(tmp_path / "default") == contents(tmp_path / "out")


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32])
def test_the_type_of_the_values_does_not_change_the_map(tmp_path, dtype):
    values = noise(40, 50).astype(np.uint16) * 37
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", values), scale=(300, 7000))
    map_small(tmp_path, write_scene(tmp_path / "other.tif", values.astype(dtype)), "other", scale=(300, 7000))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (noise(15, 40), {}, "a window of 16 pixels does not fit into the scene, which has 40 x 15 pixels"),
        (noise(40, 40), {"stride": 17}, "a stride of 17 pixels is not possible"),
        (noise(40, 40), {"bands": (1, 2, 4)}, "has 3 bands"),
        (np.zeros((40, 40, 10), np.uint8), {}, "has 10 bands; .*use --bands, for example --bands 4,3,2"),
        (noise(40, 40).astype(np.uint16), {}, "has uint16 values .*use --scale, for example --scale 0,2750"),
        (noise(40, 40), {"max_nodata": 1.5}, "a share of 1.5 of nodata pixels is not possible; allowed: 0 to 1"),
        (noise(40, 40), {"coverage": 0.999}, "99 calibration images are too few"),
        (noise(40, 40).astype(np.complex64), {}, "has complex64 values"),
    ],
)
def test_what_cannot_be_mapped_is_refused_in_one_line_before_anything_is_written(tmp_path, image, options, message):
    scene = write_scene(tmp_path / "scene.tif", image)
    with pytest.raises(UserError, match=message) as error:
        map_small(tmp_path, scene, **options)
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "scene.tif"}


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    (tmp_path / "scene.tif").write_text("no raster")
    with pytest.raises(UserError, match="scene.tif is not a readable raster"):
        map_small(tmp_path, tmp_path / "scene.tif")
    with pytest.raises(UserError, match="missing.tif is not a readable raster"):
        map_small(tmp_path, tmp_path / "missing.tif")


def test_a_truncated_scene_is_refused_and_leaves_no_map(tmp_path):
    path = write_scene(tmp_path / "scene.tif", noise(600, 600), tiled=True, blockxsize=256, blockysize=256)
    path.write_bytes(path.read_bytes()[:400_000])
    with pytest.raises(UserError, match="scene.tif cannot be read at row"):
        map_small(tmp_path, path)
    assert not (tmp_path / "out").exists()


def test_a_scene_unlike_the_training_tiles_is_refused_unless_forced(tmp_path, capsys):
    scene = write_scene(tmp_path / "scene.tif", noise(64, 64).astype(np.uint16))
    with pytest.raises(UserError, match="darker than the training tiles.*--scale.*--force"):
        map_small(tmp_path, scene, scale=(0, 27_500), force=False)
    assert not (tmp_path / "out").exists()
    map_small(tmp_path, scene, scale=(0, 255), force=False)
    capsys.readouterr()
    map_small(tmp_path, scene, "forced", scale=(0, 27_500), force=True)
    assert (tmp_path / "forced").exists()
    assert "going on in spite of this: the scene is far darker" in capsys.readouterr().out


def test_a_scene_without_data_leaves_no_map(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", plain((0, 0, 0), 64, 64))
    with pytest.raises(UserError, match="scene.tif: every window has too many pixels without data"):
        map_small(tmp_path, scene, nodata=0)
    assert not (tmp_path / "out").exists()


def test_the_summary_counts_the_pixels_of_the_maps(tmp_path):
    summary = map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(70, 90), nodata=0), stride=4)
    classes, codes = read(tmp_path / "out/classes.tif"), read(tmp_path / "out/unsure.tif")
    assert summary.pixels.tolist() == [(classes == label).sum() for label in range(3)]
    assert summary.unsure.tolist() == [((classes == label) & (codes == 1)).sum() for label in range(3)]
    assert summary.unfamiliar.tolist() == [((classes == label) & (codes == 2)).sum() for label in range(3)]
    assert summary.pixels.sum() + summary.nodata == 70 * 90
    assert summary.pixel_hectares == 0.01
    assert summary.preview.pixel_metres == 10
    np.testing.assert_array_equal(summary.preview.labels, classes)
    np.testing.assert_array_equal(summary.preview.scene, noise(70, 90))


def test_the_preview_of_a_large_scene_is_reduced(tmp_path):
    image = np.zeros((300, 2001, 3), np.uint8)
    image[:, :1000], image[:, 1000:] = RED, BLUE
    preview = map_small(tmp_path, write_scene(tmp_path / "scene.tif", image), window=100, stride=100).preview
    assert preview.scene.shape == (100, 667, 3)
    assert preview.labels.shape == preview.codes.shape == (100, 667)
    assert preview.labels[50, [10, 600]].tolist() == [0, 2]
    assert preview.scene[50, [10, 600]].tolist() == [list(RED), list(BLUE)]
    assert preview.pixel_metres == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize(
    ("crs", "hectares"),
    [
        ("EPSG:27700", 0.01),
        ("EPSG:2263", 100 * (1200 / 3937) ** 2 / 10_000),  # US survey feet
        ("EPSG:4326", None),
        ("EPSG:3857", None),
        (None, None),
    ],
)
def test_the_area_of_a_pixel_follows_from_the_unit_of_the_coordinates(tmp_path, crs, hectares):
    summary = map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(32, 32), crs=crs))
    assert summary.pixel_hectares == (None if hectares is None else pytest.approx(hectares))
    assert (summary.preview.pixel_metres is None) == (hectares is None)


def test_a_scene_without_georeference_gives_a_map_without(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(32, 32), crs=None, transform=rasterio.Affine.identity())
    map_small(tmp_path, scene)
    with rasterio.open(tmp_path / "out/classes.tif") as file:
        assert (file.crs, file.transform.is_identity) == (None, True)


def test_a_rotated_scene_keeps_its_transform(tmp_path):
    rotated = TRANSFORM @ rasterio.Affine.rotation(30)
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(32, 32), transform=rotated))
    with rasterio.open(tmp_path / "out/classes.tif") as file:
        assert file.transform.almost_equals(rotated)


def test_the_layout_of_the_scene_does_not_change_the_map(tmp_path):
    image = noise(300, 200)
    map_small(tmp_path, write_scene(tmp_path / "scene.tif", image))
    for layout in (
        {"tiled": True, "blockxsize": 16, "blockysize": 64, "interleave": "band"},
        {"tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel", "compress": "zstd"},
        {"blockysize": 300, "interleave": "pixel"},
    ):
        map_small(tmp_path, write_scene(tmp_path / "other.tif", image, **layout), "other")
        assert contents(tmp_path / "other") == contents(tmp_path / "out")


def test_files_appear_together_and_other_files_stay(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")

    def add_files(folder: Path, summary) -> None:
        assert not (tmp_path / "out/classes.tif").exists()
        (folder / "areas.csv").write_text(str(summary.pixels.sum()))

    map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(40, 40)), add_files=add_files)
    assert sorted(contents(tmp_path / "out")) == sorted([*FILES, "notes.txt", "areas.csv"])
    assert (tmp_path / "out/areas.csv").read_text() == "1600"
    assert {path.name for path in tmp_path.iterdir()} == {"model", "scene.tif", "out"}


@pytest.mark.parametrize("name", ["map.png", "classes.tif", "areas.csv"])
def test_files_of_the_user_with_the_names_of_a_map_stay(tmp_path, name):
    scene = write_scene(tmp_path / "scene.tif", plain(RED, 40, 40))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(UserError, match=f"out: {name} exists and is not of an earlier map; choose another folder"):
        map_small(tmp_path, scene)
    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [(name, "mine")]


def test_a_map_does_not_replace_its_scene(tmp_path):
    (tmp_path / "out").mkdir()
    scene = write_scene(tmp_path / "out/classes.tif", plain(RED, 40, 40))
    content = scene.read_bytes()
    with pytest.raises(UserError, match=r"out: the map would replace the scene .*classes\.tif; choose another folder"):
        map_small(tmp_path, scene)
    assert scene.read_bytes() == content


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="out is a file; a map needs a folder"):
        map_small(tmp_path, write_scene(tmp_path / "scene.tif", noise(40, 40)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_an_offset_is_added_before_scaling(tmp_path, dtype):
    image, offset = noise(64, 64).astype(dtype), (10.0, 0.0, 45.0)
    moved = write_scene(tmp_path / "moved.tif", (image + offset).astype(dtype))
    scene = write_scene(tmp_path / "scene.tif", image)
    map_small(tmp_path, moved, "expected", scale=(0, 300))
    map_small(tmp_path, scene, "plain", scale=(0, 300))
    map_small(tmp_path, scene, scale=(0, 300), offset=offset)
    assert contents(tmp_path / "out") == contents(tmp_path / "expected") != contents(tmp_path / "plain")
