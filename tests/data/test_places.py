"""Places: which images come from the same one, and splits that keep them together."""

import numpy as np
import pytest
import rasterio
from conftest import write_tree

from eurosat_transfer.data.grouped_split import choose_val_places
from eurosat_transfer.data.index import DatasetIndex, read_index, write_index
from eurosat_transfer.data.places import find_places
from eurosat_transfer.data.split import split_dataset
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from eurosat_transfer.parameters.split import Split
from stages import download, split

RULES = {
    "train": "all", "val": 20, "test": "all", "by": "class", "groups": "folder", "folds": 1,
    "contradictions": "exclude", "unlabelled": "none", "seed": 0,
}  # fmt: skip


def index_of(scenes, labels=None, copies=None, **columns):
    """Make an index of images in one folder per scene."""
    count = len(scenes)
    files = [f"{scene}/tile_{number}.tif" for number, scene in enumerate(scenes)]
    labels = np.arange(count) % 3 if labels is None else np.array(labels)
    groups = np.arange(count) if copies is None else np.array(copies)
    return DatasetIndex(files, labels, ["a", "b", "c"], groups, columns)


SCENES = index_of([f"scene_{number // 15}" for number in range(240)])  # 16 scenes of 15 tiles


def places_of(index, subset):
    return set(find_places(index, "folder")[subset])


@pytest.mark.parametrize("sizes", [{}, {"train": 60, "test": 30}, {"val": 7}, {"folds": 4}, {"folds": 16}])
@pytest.mark.parametrize("seed", range(3))
def test_no_place_is_in_two_subsets(sizes, seed):
    for fold in split_dataset(SCENES, Split(**RULES | sizes | {"seed": seed})):
        places = [places_of(SCENES, of) for of in fold.values()]
        assert sum(map(len, places)) == len(set().union(*places))
        assert {name: set(SCENES.labels[of]) for name, of in fold.items()} == {name: {0, 1, 2} for name in fold}


def test_sizes_are_those_that_were_asked_for():
    (subsets,) = split_dataset(SCENES, Split(**RULES | {"train": 60, "val": 20, "test": 50}))
    assert {name: len(of) for name, of in subsets.items()} == {"train": 60, "val": 20, "test": 50}


def test_folds_test_every_image_once():
    folds = split_dataset(SCENES, Split(**RULES | {"folds": 5}))
    assert sorted(np.concatenate([fold["test"] for fold in folds])) == list(range(240))


def test_val_takes_as_few_places_as_it_needs():
    places = find_places(SCENES, "folder")
    chosen = choose_val_places(SCENES.labels, places, 20, 0)
    assert 20 <= len(chosen) <= 60
    assert len(choose_val_places(SCENES.labels, places, 200, 0)) == 120  # half of the places is the most


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("folder", [0, 0, 1, 1]),
        ("pattern:tile_([01])", [0, 1, 1, 1]),
        ("pattern:([a-z])_", [0, 0, 0, 1]),
        ("column:when", [1, 0, 1, 0]),
        ("blocks:100", [0, 0, 1, 2]),
        ("blocks:1000", [0, 0, 1, 0]),
    ],
)
def test_each_rule_finds_its_places(rule, expected):
    columns = {"when": ["b", "a", "b", "a"], "x": ["-20", "-90", "10", "-20"], "y": ["5", "99", "5", "105"]}
    files = ["x/a_tile_0", "x/a_tile_1", "y/a_tile_1", "y/b_tile_1"]
    index = DatasetIndex(files, np.array([0, 1, 0, 1]), ["a", "b"], np.arange(4), columns)
    found = find_places(index, rule)
    assert [[one == other for one in found] for other in found] == [
        [one == other for one in expected] for other in expected
    ]


def test_copies_join_their_places():
    index = index_of(["a", "a", "b", "b", "c", "d"], copies=[0, 1, 1, 3, 4, 5])
    assert find_places(index, "folder").tolist() == [0, 0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("column:scene", "no such column; further columns: when$"),
        ("column:when", "b/tile_1.tif has no value"),
        ("pattern:tile_(7)", "does not match a/tile_0.tif"),
        ("pattern:(x)?tile", "does not match a/tile_0.tif"),
        ("blocks:100", "no image is a GeoTIFF file with coordinates"),
        ("pattern:(tile)", "all images are of one place"),
    ],
)
def test_images_without_a_place_are_refused(rule, message):
    index = index_of(["a", "b", "c"], when=["1", "", "2"])
    with pytest.raises(UserError, match=message):
        find_places(index, rule)


def test_an_image_without_coordinates_is_named():
    index = index_of(["a", "b"], x=["1", ""], y=["1", ""])
    with pytest.raises(UserError, match="b/tile_1.tif has no coordinates"):
        find_places(index, "blocks:100")


def test_places_have_no_order():
    with pytest.raises(ValueError, match="split.by must be class with split.groups"):
        Split(**RULES | {"by": "order"})


def test_too_many_folds_are_refused():
    with pytest.raises(UserError, match="allowed: 1 to 16, the places with labels"):
        split_dataset(SCENES, Split(**RULES | {"folds": 17}))


def test_stage_writes_the_places(world):
    world(**{"split.groups": "folder", "split.train": 60, "split.val": 20, "split.test": 60})
    write_index(SCENES)
    split.main()
    rows = read_csv("data/split.csv")
    assert {(row["file"].partition("/")[0], row["place"]) for row in rows} == {
        (f"scene_{number}", str(sorted(f"scene_{k}" for k in range(16)).index(f"scene_{number}")))
        for number in {int(row["file"].partition("/")[0][6:]) for row in rows}
    }


def test_further_columns_survive_the_file(tmp_path):
    index = index_of(["a", "b", "c"], when=["1", "", "2"])
    write_index(index, tmp_path / "index.csv")
    assert read_index(tmp_path / "index.csv").columns == {"when": ["1", "", "2"]}


def write_scene_tile(path, x, y, value, crs="EPSG:32630"):
    """Write a real GeoTIFF file of 64 x 64 pixels of 10 m, whose upper left corner is at x, y."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(value)
    options = {"crs": crs, "transform": rasterio.Affine(10, 0, x, 0, -10, y)}
    with rasterio.open(path, "w", "GTiff", 64, 64, 3, dtype="uint8", **options) as file:
        file.write(rng.integers(0, 256, (3, 64, 64), np.uint8))


def test_blocks_come_from_the_coordinates_of_the_files(world, tmp_path):
    for number in range(12):
        x = 500_000 + 640 * (number % 2) + 10_000 * (number // 2)  # pairs of neighbours, 10 km apart
        write_scene_tile(tmp_path / f"mine/class_{number // 2 % 2}/{number}.tif", x, 5_800_640, number)
    world(**{
        "data.name": "folder", "data.path": str(tmp_path / "mine"), "split.groups": "blocks:5000",
        "split.train": "all", "split.val": 2, "split.test": "all",
    })  # fmt: skip
    download.main()
    index = read_index()
    assert list(index.columns) == ["x", "y"]
    x = {file: int(value) for file, value in zip(index.files, index.columns["x"], strict=True)}
    assert 600 < x["class_0/1.tif"] - x["class_0/0.tif"] < 1100  # 640 m, longer in this projection at 52 degrees
    split.main()
    subset = {row["file"]: row["subset"] for row in read_csv("data/split.csv")}
    in_blocks = {}
    for file, number in x.items():
        in_blocks.setdefault(number // 5000, set()).add(subset[file])
    assert len(subset) == 12
    assert 6 <= len(in_blocks) < 12
    assert all(len(subsets) == 1 for subsets in in_blocks.values())


def test_columns_of_the_table_reach_the_split(world, tmp_path):
    tree = write_tree(tmp_path / "mine", images=8)
    rows = [(f"class_{k}/{n}.jpg", f"class_{k}", f"scene {n // 2}", "x") for k in (0, 1) for n in range(8)]
    write_csv(tree / "labels.csv", ("file", "label", "scene", "group"), rows)
    world(**{
        "data.name": "folder", "data.path": str(tree), "split.groups": "column:scene",
        "split.train": "all", "split.val": 2, "split.test": "all",
    })  # fmt: skip
    download.main()
    assert list(read_index().columns) == ["scene"]
    split.main()
    rows = read_csv("data/split.csv")
    subsets = {row["place"]: {other["subset"] for other in rows if other["place"] == row["place"]} for row in rows}
    assert len(subsets) == 4
    assert all(len(of) == 1 for of in subsets.values())


@pytest.mark.parametrize("folds", [1, 3])
def test_unlabelled_images_of_tested_places_are_left_out(folds):
    labels = np.where(np.arange(240) % 2, -1, np.arange(240) % 3)
    labels[225:] = -1  # the last place has no label at all
    index = index_of([f"scene_{number // 15}" for number in range(240)], labels=labels)
    for fold in split_dataset(index, Split(**RULES | {"val": 8, "folds": folds, "unlabelled": "rest"})):
        unlabelled = places_of(index, fold[UNLABELLED])
        assert unlabelled
        assert not unlabelled & (places_of(index, fold["val"]) | places_of(index, fold["test"]))


def test_val_has_every_class_and_is_found_soon():
    rng = np.random.default_rng(0)
    labels, places = rng.integers(0, 10, 5000), rng.permutation(np.arange(5000) % 500)
    assert set(labels[choose_val_places(labels, places, 20, 0)]) == set(range(10))


def test_a_class_at_too_few_places_is_named():
    labels = [0] * 20 + [1] * 20 + [2] * 5  # class c is at one place
    index = index_of(["s1"] * 10 + ["s2"] * 10 + ["s3"] * 10 + ["s4"] * 10 + ["s5"] * 5, labels=labels)
    messages = []
    for seed in range(6):
        try:
            split_dataset(index, Split(**RULES | {"val": 2, "seed": seed}))
        except UserError as error:
            messages.append(str(error))
    assert any("a class needs places for train, val and test: " in message for message in messages)
    assert any("c has 1" in message for message in messages)
