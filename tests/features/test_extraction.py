"""Only new images go through the network, and the result has the same bytes as without the cache."""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import conftest
import grimp
import numpy as np
import pytest
from conftest import encoded, write_tree
from PIL import Image

from eurosat_transfer.data.dataset import Tile
from eurosat_transfer.data.selection import Selection
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.features import extraction, inference
from eurosat_transfer.features.cache import FeatureCache
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.features.image_stream import UndecodableImageError
from eurosat_transfer.features.inference import Extracted
from eurosat_transfer.io.npz import list_arrays, read_npz, write_npz
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.pipeline.code_lists import build_graph, code_of
from eurosat_transfer.pipeline.definition import inputs_of
from stages import backbone, download, extract, split

PIXEL_SIZE = 2


class RgbTiles(list):
    """What extraction uses of a data set of RGB tiles."""

    network_bands = None

    def read_input(self, index: int) -> bytes:
        return self[index].image


DATASET = RgbTiles(Tile(encoded((10 * i, 200 - 10 * i, 7), "PNG"), i % 2, f"{i}.png") for i in range(20))
INDICES = {"train": np.array([1, 2, 6, 7, 11, 19]), "val": np.array([0, 8]), "test": np.array([3, 4, 5, 18])}
SELECTION = Selection(
    classes=["even", "odd"],
    indices=INDICES,
    labels={subset: indices % 2 for subset, indices in INDICES.items()},
    files={subset: [f"{i}.png" for i in indices] for subset, indices in INDICES.items()},
)


@pytest.fixture
def cache_path(tmp_path, monkeypatch):
    """The file of a cache for one test only."""
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", str(tmp_path / "store" / "features.sqlite"))
    return tmp_path / "store" / "features.sqlite"


class FakeExtractor:
    """Its feature is the colour of an image and its number of bytes. It returns images in another order."""

    width = 4

    def __init__(self, engine: str = "an engine"):
        self.engine = [engine]
        self.seen: list[bytes] = []

    def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator[Extracted]:
        for key, image in reversed(list(images)):
            self.seen.append(image)
            yield Extracted(key, colour_and_size(image), pixels_of(image, pixel_size))


def colour_and_size(image: bytes) -> np.ndarray:
    return np.array([*Image.open(io.BytesIO(image)).getpixel((0, 0)), len(image)], np.float32)


def pixels_of(image: bytes, size: int) -> np.ndarray:
    return np.tile(np.array(Image.open(io.BytesIO(image)).getpixel((0, 0)), np.uint8), size**2)


def run(extractor: FakeExtractor, folder: Path, selection: Selection = SELECTION) -> dict[str, np.ndarray]:
    """Extract, and return features and pixels by name and subset."""
    with FeatureCache("digest") as cache:
        parts = extraction.extract(DATASET, selection, extractor, extractor.width, cache, PIXEL_SIZE, folder)
    result = {}
    for name, matrices in zip(("features", "pixels"), parts, strict=True):
        write_npz(folder / f"{name}.npz", matrices)
        result |= {(name, s): X for s, X in zip(SUBSETS, read_npz(folder / f"{name}.npz", *SUBSETS), strict=True)}
    return result


def assert_rows_belong_to_their_tiles(result: dict, indices: dict[str, np.ndarray] = INDICES) -> None:
    for subset in SUBSETS:
        images = [DATASET[i].image for i in indices[subset]]
        assert np.array_equal(result["features", subset], [colour_and_size(image) for image in images])
        assert np.array_equal(result["pixels", subset], [pixels_of(image, PIXEL_SIZE) for image in images])


def test_rows_belong_to_their_tiles_although_they_arrive_in_another_order(tmp_path):
    extractor = FakeExtractor()
    assert_rows_belong_to_their_tiles(run(extractor, tmp_path))
    assert len(extractor.seen) == 12


@pytest.mark.usefixtures("cache_path")
def test_unlabelled_tiles_have_features_and_no_pixels(tmp_path):
    selection = replace(
        SELECTION, indices=INDICES | {UNLABELLED: np.array([9, 12])}, files=SELECTION.files | {UNLABELLED: ["9", "12"]}
    )
    for seen in (14, 0):  # through the network, and then from the cache
        extractor = FakeExtractor()
        assert_rows_belong_to_their_tiles(run(extractor, tmp_path, selection))
        assert len(extractor.seen) == seen
        assert list_arrays(tmp_path / "pixels.npz") == set(SUBSETS)
        (X,) = read_npz(tmp_path / "features.npz", UNLABELLED)
        assert np.array_equal(X, [colour_and_size(DATASET[i].image) for i in (9, 12)])


@pytest.mark.usefixtures("cache_path")
def test_tiles_in_the_cache_do_not_go_through_the_network(tmp_path, capsys):
    fewer = {"train": INDICES["train"][:3], "val": INDICES["val"], "test": INDICES["test"][1:]}
    labels = {subset: indices % 2 for subset, indices in fewer.items()}
    run(FakeExtractor(), tmp_path, Selection(SELECTION.classes, fewer, labels, {}))
    capsys.readouterr()
    extractor = FakeExtractor()
    assert_rows_belong_to_their_tiles(run(extractor, tmp_path))
    assert extractor.seen == [DATASET[i].image for i in (19, 11, 7, 3)]
    assert "4 images through the network, 8 from the cache or the last run" in capsys.readouterr().out
    extractor = FakeExtractor()
    assert_rows_belong_to_their_tiles(run(extractor, tmp_path))
    assert extractor.seen == []


@pytest.mark.usefixtures("cache_path")
def test_tiles_that_are_not_in_the_cache_are_taken_from_the_last_run(tmp_path, capsys):
    write_npz(
        tmp_path / "earlier.npz",
        {
            "X_test": np.array([colour_and_size(DATASET[i].image) for i in (19, 3)]),
            "files_test": np.array(["19.png", "3.png"]),
        }
        | {f"X_{s}": np.empty((0, 4), np.float32) for s in ("train", "val")}
        | {f"files_{s}": np.empty(0, "U5") for s in ("train", "val")},
    )
    asked = []

    def find_earlier() -> Path:
        asked.append(True)
        return tmp_path / "earlier.npz"

    def extracted() -> int:
        extractor = FakeExtractor()
        with FeatureCache("digest") as cache:
            args = DATASET, SELECTION, extractor, extractor.width, cache, PIXEL_SIZE, tmp_path
            features, _ = extraction.extract(*args, find_earlier)
        write_npz(tmp_path / "features.npz", features)
        for subset, X in zip(SUBSETS, read_npz(tmp_path / "features.npz", *SUBSETS), strict=True):
            assert np.array_equal(X, [colour_and_size(DATASET[i].image) for i in INDICES[subset]])
        return len(extractor.seen)

    assert extracted() == 12  # with the sample, which is computed to be compared
    assert "10 images through the network, 2 from the cache or the last run" in capsys.readouterr().out
    assert extracted() == 0
    assert len(asked) == 1  # not if all tiles are in the cache


def test_a_cache_that_is_switched_off_takes_nothing_from_the_last_run(tmp_path):
    extractor = FakeExtractor()
    with FeatureCache("digest") as cache:
        args = DATASET, SELECTION, extractor, extractor.width, cache, PIXEL_SIZE, tmp_path
        extraction.extract(*args, lambda: pytest.fail("asked"))
    assert len(extractor.seen) == 12


@pytest.mark.usefixtures("cache_path")
def test_an_interrupted_extraction_keeps_what_it_has_computed(tmp_path):
    class Interrupted(FakeExtractor):
        def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator[Extracted]:
            for count, extracted in enumerate(super().extract(images, pixel_size)):
                if count == 7:
                    raise UserError("the cluster failed")
                yield extracted

    with pytest.raises(UserError, match="the cluster failed"):
        run(Interrupted(), tmp_path)
    extractor = FakeExtractor()
    assert_rows_belong_to_their_tiles(run(extractor, tmp_path))
    assert len(extractor.seen) == 12 - 7


@pytest.mark.usefixtures("cache_path")
def test_the_cache_is_keyed_by_inputs_preprocessing_and_engine(tmp_path, monkeypatch):
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extraction, "open_selection", lambda: (DATASET, SELECTION))

    def images_seen(inputs: str = "digest", preprocess: bool = True, pixel_size: int = 2, **engines: str) -> int:
        local, cluster = (FakeExtractor(engines.get(name, name)) for name in ("local", "cluster"))
        monkeypatch.setattr(extraction, "load_network", lambda *arguments, **_: asked.append(arguments) or local)
        params = Extract(preprocess=preprocess, precision="float32", pixel_size=pixel_size, features=None, sha256=None)
        features, pixels = extraction.extract_selection(params, inputs, cluster if "cluster" in engines else None)
        assert features["y_train"].tolist() == pixels["y_train"].tolist() == SELECTION.labels["train"].tolist()
        assert features["classes"].tolist() == pixels["classes"].tolist() == ["even", "odd"]
        assert (features["X_val"].shape, pixels["X_val"].shape) == ((2, 4), (2, 3 * pixel_size**2))
        return len(local.seen + cluster.seen)

    assert images_seen() == 12
    assert images_seen() == 0
    assert images_seen(pixel_size=3) == 0
    assert images_seen(inputs="another digest") == 12
    assert images_seen(preprocess=False) == 12
    assert images_seen(local="another processor") == 12
    assert images_seen(cluster="a cluster") == 12
    assert images_seen(cluster="local") == 0
    assert images_seen() == 0
    assert asked == [(number != 4, "float32") for number in range(9)]


def test_a_tile_that_cannot_be_decoded_is_named(tmp_path):
    class Refusing(FakeExtractor):
        def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator[Extracted]:
            yield from super().extract(list(images)[:5], pixel_size)
            raise UndecodableImageError(9, "neither JPEG nor PNG")  # the tenth in the data set's order

    with pytest.raises(UserError, match=r"^11\.png in the data set is not a readable image: neither JPEG nor PNG$"):
        run(Refusing(), tmp_path)


def test_the_cache_key_covers_all_code_that_computes_features():
    deps = {*inputs_of("extract"), *code_of("extract", build_graph())}
    left_out = {path for path in extraction.WITHOUT_EFFECT if path.parent.name != "io"}
    assert left_out <= deps
    graph = grimp.build_graph("eurosat_transfer", cache_dir=None)
    computing = {inference.__name__, *graph.find_upstream_modules(inference.__name__)}
    files = {Path(*name.split(".")).with_suffix(".py") for name in computing}
    assert {Path("eurosat_transfer/data/decoding.py"), Path("eurosat_transfer/networks/tilenet.py")} <= files & deps
    assert not files & left_out


@pytest.fixture
def extract_tree(world, tmp_path, capsys):
    """Run the stage on a folder of images: extract_tree(**parameters) -> (images computed, images from the cache)."""
    tree = write_tree(tmp_path / "mine")
    world(**{"data.name": "folder", "data.path": str(tree)})
    download.main()
    backbone.main()

    def run_stage(**changes) -> tuple[int, ...]:
        world(**{"data.name": "folder", "data.path": str(tree), "split.train": 10, "split.val": 5,
               "split.unlabelled": "none"} | changes)  # fmt: skip
        split.main()
        capsys.readouterr()
        extract.main()
        return tuple(map(int, re.findall(r"(\d+) images through the network, (\d+) from", capsys.readouterr().out)[0]))

    return run_stage


def contents() -> list[bytes]:
    return [Path(f"data/{name}.npz").read_bytes() for name in ("features", "pixels")]


@pytest.mark.slow
def test_the_cache_changes_no_byte_of_the_result(extract_tree, cache_path, monkeypatch):
    assert extract_tree() == (55, 0)
    first = contents()
    assert extract_tree() == (0, 55)
    assert contents() == first
    assert extract_tree(**{"split.train": 20}) == (10, 55)  # the larger train contains the smaller one
    grown = contents()
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", "")
    assert extract_tree(**{"split.train": 20}) == (65, 0)
    assert contents() == grown
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", str(cache_path))
    assert extract_tree(**{"split.train": 20, "split.seed": 1})[0] <= 15  # 25 of the 40 images of the half are known
    assert extract_tree(**{"extract.pixel_size": 4}) == (0, 55)
    weights = Path("data/backbone/backbone.weights.h5")
    weights.write_bytes(weights.read_bytes() + b"0")
    assert extract_tree() == (55, 0)  # the file of the network has changed
    cache_path.unlink()
    assert extract_tree() == (55, 0)
    assert contents() == first


@pytest.mark.slow
@pytest.mark.usefixtures("cache_path")
def test_another_instruction_set_finds_nothing_in_the_cache(extract_tree):
    def computed(isa: str = "") -> str:
        # The project removes oneDNN's variables when it loads OpenVINO. Setting one later hides instructions, as a
        # virtual machine can.
        hide = f"import os, eurosat_transfer.features.extraction; os.environ['ONEDNN_MAX_CPU_ISA'] = '{isa}'"
        command = f"from stages.extract import main\n{hide if isa else ''}\nmain()"
        result = conftest.run(sys.executable, "-c", command, cwd=Path.cwd())
        assert result.returncode == 0, result.stderr
        return re.findall(r"\d+ images through the network, \d+ from", result.stdout)[0]

    extract_tree()
    first = contents()
    assert computed() == "0 images through the network, 55 from"
    assert contents() == first
    other = computed("SSE41")
    if contents() == first:
        pytest.skip("on this processor, ONEDNN_MAX_CPU_ISA changes no bit")
    assert other == "55 images through the network, 0 from"
    assert computed() == "0 images through the network, 55 from"
    assert contents() == first


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("nncf"), reason="needs nncf")
@pytest.mark.usefixtures("cache_path")
def test_int8_is_calibrated_with_tiles_of_train(extract_tree, monkeypatch):
    """Other train tiles make another network, so that nothing is taken from the cache, nor from the run before."""
    exact = extract_tree() and load_features().X["test"]
    int8 = {"extract.precision": "int8", "model.classifier": "finetune"}
    assert extract_tree(**int8) == (55, 0)
    first = load_features().X["test"]
    assert 0 < np.abs(first - exact).max() < 0.1 * np.abs(exact).max()
    assert extract_tree(**int8) == (0, 55)
    assert extract_tree(**int8, **{"split.seed": 1})[1] == 0
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match="int8 runs on one machine; unset RAY_ADDRESS"):
        extract_tree(**int8)


@pytest.mark.slow
def test_preprocessing_changes_the_features_and_not_the_pixels(extract_tree):
    extract_tree()
    with_preprocessing, pixels = load_features().X["train"], Path("data/pixels.npz").read_bytes()
    extract_tree(**{"extract.preprocess": False})
    assert not np.allclose(load_features().X["train"], with_preprocessing)
    assert Path("data/pixels.npz").read_bytes() == pixels
