import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, run, write_tree
from PIL import Image

from stages import download
from stages.common.files import read_csv
from stages.common.stage import UserError
from stages.common.tiles import Records
from stages.datasets import eurosat


def zipped(tree, path, top=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(tree.rglob("*.*")):
            archive.write(file, f"{top}{file.relative_to(tree)}")
    return path


def eurosat_tree(folder):
    for name in ("Forest", "River", "SeaLake"):
        (folder / name).mkdir(parents=True)
        for number in range(1, 9):
            colour = (17 * number, 40 * len(name) % 256, 99)
            (folder / name / f"{name}_{number}.jpg").write_bytes(encoded(colour, size=(64, 64)))
    return folder


def refused(world, said, **changes):
    folder = world(**changes)
    with pytest.raises(UserError, match=said) as refusal:
        download.main()
    assert "\n" not in str(refusal.value)
    assert not (folder / "data/dataset").exists()
    assert not list(folder.glob("data/.part-*"))
    assert not (folder / "data/index.csv").exists()


def test_the_demo_is_drawn_the_same_every_time(world):
    world()
    download.main()
    first = {p.name: p.read_bytes() for p in download.DATASET.iterdir()}
    download.main()
    assert {p.name: p.read_bytes() for p in download.DATASET.iterdir()} == first
    rows = read_csv("data/index.csv")
    assert len(rows) == 2700
    assert len({row["class"] for row in rows}) == 10
    assert all(row["file"].startswith(row["class"] + "_") for row in rows)
    assert [record.file for record in Records()] == [row["file"] for row in rows]
    assert Image.open("plots/tiles.png").size == (672, 640)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_zip_of_any_images(world, tmp_path, packed):
    tree = write_tree(tmp_path / "mine", images=5)
    odd = tree / "class_1"
    (odd / "grey.png").write_bytes(encoded((9, 99, 199), "PNG", "L", (7, 30)))
    (odd / "alpha.PNG").write_bytes(encoded((9, 99, 199), "PNG", "RGBA", (300, 20)))
    (odd / "palette.png").write_bytes(encoded((9, 99, 199), "PNG", "P"))
    (odd / "notes.txt").write_text("left out")
    (odd / ".hidden.jpg").write_text("left out")
    path = zipped(tree, tmp_path / "mine.zip", "top/") if packed else tree
    world(**{"data.name": "folder", "data.path": str(path)})
    download.main()
    rows = read_csv("data/index.csv")
    assert sorted(row["class"] for row in rows) == ["class_0"] * 5 + ["class_1"] * 8
    for record in Records():
        image = download.tf.io.decode_image(record.image, channels=3, expand_animations=False).numpy()
        original = Image.open(tree / record.file.removeprefix("top/"))
        assert np.abs(image.astype(int) - np.asarray(original.convert("RGB"))).max() <= 3


def test_the_two_archives_of_eurosat_prepare_to_the_same(world, tmp_path):
    tree = eurosat_tree(tmp_path / "tiles")
    prepared = []
    for top in ("2750/", "EuroSAT_RGB/"):
        archive = zipped(tree, tmp_path / "EuroSAT.zip", top)
        world(**{"data.name": "eurosat", "data.url": str(archive)})
        download.main()
        prepared.append([p.read_bytes() for p in sorted(download.DATASET.iterdir())] + [read_csv("data/index.csv")])
    assert prepared[0] == prepared[1]
    assert Records()[0].image in [p.read_bytes() for p in tree.rglob("*.jpg")]


def test_images_are_read_without_tensorflow(world):
    folder = world()
    download.main()
    code = (
        "import sys; from stages.common.tiles import Records; print(len(list(Records())), 'tensorflow' in sys.modules)"
    )
    assert run(sys.executable, "-c", code, cwd=folder, PYTHONPATH=str(REPOSITORY)).stdout.split() == ["2700", "False"]


def test_the_features_of_an_example_are_in_the_order_of_their_names(world):
    world()
    download.main()
    raw = download.tfds.decode.DeserializeMethod.RAW_BYTES
    record = download.tfds.builder_from_directory(download.DATASET).as_data_source("train", deserialize_method=raw)[0]
    assert record == download.tf.train.Example.FromString(record).SerializeToString(deterministic=True)


def test_a_dead_mirror_is_passed_over(world, tmp_path, serve, monkeypatch):
    archive = zipped(eurosat_tree(tmp_path / "tiles"), tmp_path / "EuroSAT.zip", "2750/")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    address = serve(tmp_path)
    mirrors = (
        ("http://127.0.0.1:9/a.zip", "md5:0"),
        (f"{address}/nothing.zip", "md5:0"),
        (f"{address}/EuroSAT.zip", "sha256:" + "0" * 64),
        (f"{address}/EuroSAT.zip", f"sha256:{digest}"),
    )
    monkeypatch.setattr(eurosat, "MIRRORS", mirrors)
    world(**{"data.name": "eurosat"})
    download.main()
    assert len(read_csv("data/index.csv")) == 24


def test_the_mirrors_are_asked_safely():
    assert all(url.startswith("https://") and checksum for url, checksum in eurosat.MIRRORS)


def test_no_network_is_one_line_that_names_what_was_tried(world, monkeypatch):
    monkeypatch.setattr(
        eurosat, "MIRRORS", (("http://127.0.0.1:9/a.zip", "md5:0"), ("http://127.0.0.1:9/b.zip", "md5:1"))
    )
    refused(
        world, r"no mirror gave EuroSAT: .*a.zip did not answer .*b.zip .*data.url=<address", **{"data.name": "eurosat"}
    )


def test_a_wrong_checksum_is_refused(world, tmp_path, serve):
    archive = zipped(eurosat_tree(tmp_path / "tiles"), tmp_path / "EuroSAT.zip", "2750/")
    wrong = {"data.name": "eurosat", "data.sha256": "0" * 64}
    refused(world, r"data.url: .* has sha256 [0-9a-f]{64}, expected 0000", **wrong, **{"data.url": str(archive)})
    url = f"{serve(tmp_path)}/EuroSAT.zip"
    refused(world, r"data.url: what http.* gave has another checksum", **wrong, **{"data.url": url})


def test_a_truncated_zip_is_refused(world, tmp_path):
    archive = zipped(eurosat_tree(tmp_path / "tiles"), tmp_path / "EuroSAT.zip", "2750/")
    archive.write_bytes(archive.read_bytes()[:-2000])
    refused(world, "is no zip, or a truncated one", **{"data.name": "eurosat", "data.url": str(archive)})


def test_a_missing_path_is_refused(world):
    refused(world, "no folder and no zip at 'nowhere'", **{"data.name": "folder", "data.path": "nowhere"})
    refused(world, "data.url: no file 'nowhere.zip'", **{"data.name": "eurosat", "data.url": "nowhere.zip"})


def test_a_folder_needs_two_classes(world, tmp_path):
    tree = write_tree(tmp_path / "mine", images=3)
    mine = {"data.name": "folder", "data.path": str(tree)}
    shutil.rmtree(tree / "class_1")
    refused(world, r"3 JPEG or PNG images in 1 class folders \(class_0\); needed: class/name.jpg, two", **mine)
    shutil.rmtree(tree / "class_0")
    refused(world, "0 JPEG or PNG images in 0 class folders; needed", **mine)
    (tree / "loose.jpg").write_bytes(encoded((1, 2, 3)))
    refused(world, "1 JPEG or PNG images in 0 class folders; needed", **mine)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no image", "class_0/bad.jpg is not a readable image: neither JPEG nor PNG"),
        (encoded((1, 2, 3), size=(90, 90))[:-300], "class_0/bad.jpg is not a readable image: (?i:.*truncated)"),
        (encoded((1, 2, 3), "PNG", "I;16"), "class_0/bad.jpg is an image of mode I;16; allowed: 8 bits"),
        (encoded((1, 2, 3), "GIF"), "class_0/bad.jpg is not a readable image"),
    ],
)
def test_a_file_that_is_no_image_is_refused(world, tmp_path, content, said):
    tree = write_tree(tmp_path / "mine", images=3)
    (tree / "class_0/bad.jpg").write_bytes(content)
    refused(world, said, **{"data.name": "folder", "data.path": str(tree)})


def test_an_unknown_data_set_is_refused(world):
    refused(
        world,
        "data.name: no data set 'eurosatt'.*allowed: landcover-demo, eurosat, folder",
        **{"data.name": "eurosatt"},
    )


def tfds_builder(builder_name, features, records):
    tfds = download.tfds

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = builder_name
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            keys = ("image", "label") if "label" in features else None
            described = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=described, supervised_keys=keys)

        def _split_generators(self, _):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            yield from enumerate(records)

    return Builder


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_any_tfds_data_set_by_name(world, tmp_path, monkeypatch, file_format):
    tfds = download.tfds
    features = {
        "image": tfds.features.Image(shape=(28, 28, 1)),
        "label": tfds.features.ClassLabel(names=["x", "y", "z"]),
    }
    records = [{"image": np.full((28, 28, 1), i, np.uint8), "label": 2 * (i % 2)} for i in range(30)]  # y has no image
    little = tfds_builder("little_digits", features, records)(data_dir=tmp_path / "tfds")
    little.download_and_prepare(file_format=file_format)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    world(**{"data.name": "little_digits"})
    download.main()
    rows = read_csv("data/index.csv")
    assert {(row["label"], row["class"]) for row in rows} == {("0", "x"), ("1", "z")}
    assert [row["file"] for row in rows] == [f"train[{number}]" for number in range(30)]
    assert not list(download.DATASET.glob("*.tfrecord*"))


def test_a_tfds_data_set_with_more_than_one_image_each(world, tmp_path, monkeypatch):
    tfds = download.tfds
    features = {
        "image": tfds.features.Image(shape=(28, 28, 1)),
        "depth": tfds.features.Image(shape=(28, 28, 1), dtype=np.uint16),
        "filename": tfds.features.Scalar(dtype=np.int64),
        "label": tfds.features.ClassLabel(names=["x", "y"]),
    }
    one, depth = np.ones((28, 28, 1), np.uint8), np.ones((28, 28, 1), np.uint16)
    records = [{"image": one, "depth": depth, "filename": i, "label": i % 2} for i in range(4)]
    tfds_builder("deep_digits", features, records)(data_dir=tmp_path / "tfds").download_and_prepare()
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    world(**{"data.name": "deep_digits"})
    download.main()
    assert [record.file for record in Records()] == [f"train[{number}]" for number in range(4)]


@pytest.mark.parametrize(
    ("file_format", "label", "said"),
    [("parquet", 0, "has it as parquet; allowed: tfrecord, array_record"), ("tfrecord", -1, "has no label")],
)
def test_a_tfds_data_set_that_cannot_be_used_is_refused(world, tmp_path, monkeypatch, file_format, label, said):
    tfds = download.tfds
    features = {
        "image": tfds.features.Image(shape=(28, 28, 1)),
        "label": tfds.features.ClassLabel(names=["x", "y"]),
    }
    records = [{"image": np.ones((28, 28, 1), np.uint8), "label": label}]
    odd = tfds_builder("odd_digits", features, records)(data_dir=tmp_path / "tfds")
    odd.download_and_prepare(file_format=file_format)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    world(**{"data.name": "odd_digits"})
    with pytest.raises(UserError, match=said):
        download.main()
    assert not Path("data/index.csv").exists()


def test_a_tfds_data_set_of_something_else_is_refused(world, tmp_path, monkeypatch):
    tfds = download.tfds
    texts = tfds_builder("little_texts", {"text": tfds.features.Text()}, [{"text": "a"}])
    texts(data_dir=tmp_path / "tfds").download_and_prepare()
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    world(**{"data.name": "little_texts"})
    with pytest.raises(UserError, match="little_texts is not a data set of images and class labels, but of text"):
        download.main()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a/1.jpg", " a /2.jpg"], "blanks at its ends"),
        (["a/1.jpg", "b\nx/2.jpg"], "unprintable"),
        (["train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg"], "class 'a' twice: 'test/a' and 'train/a'"),
    ],
)
def test_class_names_that_would_be_mixed_up_are_refused(world, tmp_path, names, said):
    for name in names:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(encoded((1, 2, 3)))
    world(**{"data.name": "folder", "data.path": str(tmp_path / "mine")})
    with pytest.raises(UserError, match=said):
        download.main()
