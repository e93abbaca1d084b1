"""The preparation of a data set: formats, order of features, atomicity, and the data sets of TFDS by name."""

import errno
import json
import os

import numpy as np
import pytest
from conftest import write_tree
from image_archives import prepared

from eurosat_transfer.data import preparation
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.tensorflow_setup import tf

LABELLED = {
    "image": tfds.features.Image(shape=(28, 28, 1)),
    "label": tfds.features.ClassLabel(names=["x", "y", "z"]),
}
ONE = np.ones((28, 28, 1), np.uint8)


@pytest.fixture
def own(tmp_path):
    """Write a tree of six images. Return the parameters of its data set."""
    return Data(
        name="folder", path=str(write_tree(tmp_path / "mine", images=3)), url=None, sha256=None, bands=None, scale=None
    )


@pytest.fixture
def tfds_data_set(tmp_path, monkeypatch):
    """Prepare data sets in TFDS' own folder, so that TFDS finds them by name."""
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))

    def prepare(data_set, features, examples, splits=("train",), file_format="tfrecord"):
        class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
            name = data_set
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                keys = ("image", "label") if "label" in features else None
                described = tfds.features.FeaturesDict(features)
                return tfds.core.DatasetInfo(builder=self, features=described, supervised_keys=keys)

            def _split_generators(self, _):
                return {split: self._generate_examples() for split in splits}

            def _generate_examples(self):
                yield from enumerate(examples)

        Builder(data_dir=tmp_path / "tfds").download_and_prepare(file_format=file_format)

    return prepare


def test_the_examples_are_array_records(own, tmp_path):
    prepare_dataset(own, tmp_path / "dataset")
    names = sorted(path.name for path in (tmp_path / "dataset").iterdir())
    assert names == [
        "dataset_info.json",
        "features.json",
        "folder-train.array_record-00000-of-00001",
        "label.labels.txt",
    ]
    info = json.loads((tmp_path / "dataset/dataset_info.json").read_text())
    assert info["fileFormat"] == "array_record"


def test_the_recorded_module_name_stays_although_the_code_moved(own, tmp_path):
    """The name is part of the data set's hash in dvc.lock."""
    prepare_dataset(own, tmp_path / "dataset")
    assert json.loads((tmp_path / "dataset/dataset_info.json").read_text())["moduleName"] == "stages.datasets.folder"


def test_the_features_of_an_example_are_in_the_order_of_their_names(own, tmp_path):
    prepare_dataset(own, tmp_path / "dataset")
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    source = tfds.builder_from_directory(tmp_path / "dataset").as_data_source("train", deserialize_method=raw)
    assert len(source) == 6
    for record in source:
        assert record == tf.train.Example.FromString(record).SerializeToString(deterministic=True)
        places = [record.index(name) for name in (b"filename", b"image", b"label")]
        assert places == sorted(places)


def test_a_new_data_set_replaces_the_old_one(own, tmp_path):
    (tmp_path / "data/dataset").mkdir(parents=True)
    (tmp_path / "data/dataset/old").touch()
    prepare_dataset(own, tmp_path / "data/dataset")
    assert not (tmp_path / "data/dataset/old").exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["dataset"]


def test_what_a_killed_run_left_is_removed(own, tmp_path):
    (tmp_path / "data/.part-dataset-abc/x").mkdir(parents=True)
    (tmp_path / "data/.part-other-abc").mkdir()
    prepare_dataset(own, tmp_path / "data/dataset")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".part-other-abc", "dataset"]


def test_a_failure_keeps_the_old_data_set(own, tmp_path, monkeypatch):
    prepare_dataset(own, tmp_path / "data/dataset")
    before = {path.name: path.read_bytes() for path in (tmp_path / "data/dataset").iterdir()}
    monkeypatch.setattr(preparation, "_describe", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare_dataset(own, tmp_path / "data/dataset")
    assert {path.name: path.read_bytes() for path in (tmp_path / "data/dataset").iterdir()} == before
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["dataset"]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing(error, cause=None):
    def fail(*_, **__):
        raise error from cause

    return fail


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (FULL, None),
        (RuntimeError("No space left on device"), FULL),
        (tf.errors.ResourceExhaustedError(None, None, "No space left on device"), None),
        (tfds.download.DownloadError("No space left on device"), None),
    ],
)  # fmt: skip
def test_a_failure_of_tfds_gives_a_one_line_error(own, tmp_path, monkeypatch, error, cause):
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", failing(error, cause))
    message = "data.name=folder: TFDS could not prepare the data set: .*No space left on device"
    with pytest.raises(UserError, match=message) as refusal:
        prepare_dataset(own, tmp_path / "data/dataset")
    assert "\n" not in str(refusal.value)


def test_a_full_disk_while_records_are_written_gives_a_one_line_error(own, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation.ArrayRecordWriter, "write", failing(RuntimeError("No space left on device")))
    with pytest.raises(UserError, match="TFDS could not prepare the data set: No space left on device"):
        prepare_dataset(own, tmp_path / "data/dataset")


def test_unexpected_exceptions_pass_through(own, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", failing(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        prepare_dataset(own, tmp_path / "data/dataset")


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_a_data_set_of_tfds_is_found_by_its_name(tmp_path, tfds_data_set, file_format):
    examples = [{"image": np.full((28, 28, 1), i, np.uint8), "label": 2 * (i % 2)} for i in range(30)]
    tfds_data_set("little_digits", LABELLED, examples, file_format=file_format)
    dataset = prepared(tmp_path / "dataset", name="little_digits")
    assert dataset.classes == ["x", "y", "z"]
    assert [tile.file for tile in dataset] == [f"train[{number}]" for number in range(30)]
    assert sorted(tile.label for tile in dataset) == [0] * 15 + [2] * 15
    assert not list((tmp_path / "dataset").glob("*.tfrecord*"))
    info = json.loads((tmp_path / "dataset/dataset_info.json").read_text())
    assert not info.get("moduleName", "").startswith(preparation.RECORDED_MODULE)  # the builder is not ours
    assert (tmp_path / "tfds/little_digits").exists()  # TFDS keeps its copy, which other projects share


def test_only_the_labelled_image_of_an_example_is_used(tmp_path, tfds_data_set):
    depth = tfds.features.Image(shape=(28, 28, 1), dtype=np.uint16)
    features = LABELLED | {"depth": depth, "filename": tfds.features.Scalar(dtype=np.int64)}
    example = {"image": ONE, "depth": ONE.astype(np.uint16)}
    tfds_data_set("deep_digits", features, [example | {"filename": i, "label": i % 2} for i in range(4)])
    dataset = prepared(tmp_path / "dataset", name="deep_digits")
    for number, tile in enumerate(dataset):
        assert tile.file == f"train[{number}]"  # the feature filename is not text
        assert (tf.io.decode_png(tile.image).numpy() == 1).all()


@pytest.mark.parametrize(("splits", "used"), [(("test", "train"), "train"), (("b", "a"), None)])
def test_the_split_train_is_used_or_else_the_first_one(tmp_path, tfds_data_set, splits, used):
    tfds_data_set("split_digits", LABELLED, [{"image": ONE, "label": i % 2} for i in range(4)], splits)
    dataset = prepared(tmp_path / "dataset", name="split_digits")
    assert len(dataset) == 4
    used = used or next(iter(tfds.builder_from_directory(tmp_path / "dataset").info.splits))
    assert dataset[0].file == f"{used}[0]"


def test_a_data_set_in_another_format_is_refused(tmp_path, tfds_data_set):
    tfds_data_set("odd_digits", LABELLED, [{"image": ONE, "label": 0}], file_format="parquet")
    message = "data.name=odd_digits: .* holds parquet files; allowed: tfrecord, array_record; delete that folder"
    with pytest.raises(UserError, match=message):
        prepared(tmp_path / "dataset", name="odd_digits")


def test_a_data_set_without_images_is_refused(tmp_path, tfds_data_set):
    tfds_data_set("little_texts", {"text": tfds.features.Text()}, [{"text": "a"}])
    message = "the data set little_texts holds text; allowed: images with class labels; set data.name to another"
    with pytest.raises(UserError, match=message):
        prepared(tmp_path / "dataset", name="little_texts")


@pytest.mark.parametrize("name", ["iris", "imdb_reviews", "voc", "celeb_a"])
def test_other_data_sets_of_tfds_are_refused_before_their_download(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", failing(AssertionError("a download")))
    with pytest.raises(UserError, match=r"the data set \w+ holds .*; allowed: images with class labels; set"):
        prepared(tmp_path / "dataset", name=name)


def test_images_of_16_bits_are_refused(tmp_path, tfds_data_set):
    features = LABELLED | {"image": tfds.features.Image(shape=(28, 28, 1), dtype=np.uint16)}
    tfds_data_set("little_depths", features, [{"image": np.zeros((28, 28, 1), np.uint16), "label": "x"}])
    with pytest.raises(UserError, match="holds images of 1 channels, uint16; allowed: 1 or 3 channels, uint8"):
        prepared(tmp_path / "dataset", name="little_depths")


@pytest.mark.parametrize("name", ["huggingface:mnist", "kubric:movi_a", "robotics:x/y", "nobody:mnist:3.0.1"])
def test_a_name_with_a_namespace_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"data.name: '{name}' has a namespace; allowed: .*, without a namespace"):
        prepared(tmp_path / "dataset", name=name)


def test_a_data_set_that_the_user_must_download_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    with pytest.raises(UserError, match=r"data\.name=resisc45: TFDS could not .* [Mm]anual"):
        prepared(tmp_path / "dataset", name="resisc45")


@pytest.mark.parametrize("name", ["eurosatt", "mnist/no_such_config", "mnist:9.9.9", "a/b/c d"])
def test_an_unknown_data_set_is_refused(tmp_path, name):
    message = f"data.name: there is no data set '{name}' .*; allowed: landcover-demo, eurosat, eurosat-ms, folder, or"
    with pytest.raises(UserError, match=message) as refusal:
        prepared(tmp_path / "dataset", name=name)
    assert "\n" not in str(refusal.value)


def test_our_eurosat_builder_does_not_replace_that_of_tfds():
    assert tfds.builder_cls("eurosat").__module__.startswith("tensorflow_datasets.")


def test_the_prepared_data_set_is_opened_again(own, tmp_path):
    prepare_dataset(own, tmp_path / "dataset")
    assert len(TileDataset(tmp_path / "dataset")) == 6
