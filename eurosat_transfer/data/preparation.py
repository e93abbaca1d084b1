"""The preparation of a data set, from its source to ArrayRecord files in one folder."""

import shutil
import tempfile
from pathlib import Path

from array_record.python.array_record_module import ArrayRecordWriter

from eurosat_transfer.data.builders.base import TileBuilder
from eurosat_transfer.data.builders.registry import create_builder
from eurosat_transfer.data.builders.tfds_bands import TfdsBands
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.certificates import describe_failed_download
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.tensorflow_setup import tf, without_autotuning

# TFDS writes the name of the builder's module into the description of a data set. The name stays what it was when the
# data set was first published, so that moving code does not change the data set's hash.
RECORDED_MODULE = "stages.datasets"

NEEDS = (ImportError, AssertionError)  # a builder of TFDS needs a package, or files that the user must fetch
FAILURES = (OSError, RuntimeError, *NEEDS, tf.errors.OpError, tfds.download.DownloadError)


def prepare_dataset(params: Data, folder: Path) -> dict[str, dict[str, str]]:
    """Prepare a data set in a folder, which is replaced when the data set is complete.

    Args:
        params: which data set, and where it comes from.
        folder: gets dataset_info.json and the examples in ArrayRecord files.

    Returns:
        What else is known of the images: text, by the name of a column and the name of an image.

    Raises:
        UserError: the data set cannot be found, fetched or read. The folder keeps its old content.
    """
    prefix = f".part-{folder.name}-"
    for leftover in folder.parent.glob(f"{prefix}*"):  # a killed run leaves one
        shutil.rmtree(leftover)
    with atomic_write(folder) as done, tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as temporary:
        builder = create_builder(params, temporary)
        try:
            _prepare(builder, params.name)
            shutil.copytree(builder.data_dir, done)
            for file in sorted(done.glob("*.tfrecord*")):
                _to_array_record(file)
            _describe(done / "dataset_info.json", own=isinstance(builder, TileBuilder))
        except UserError:
            raise
        except FAILURES as error:
            # TensorFlow reports a full disk, and TFDS wraps that in a RuntimeError. Other RuntimeErrors are bugs.
            if type(error) is RuntimeError and not isinstance(error.__cause__, (OSError, tf.errors.OpError)):
                raise
            if isinstance(error, NEEDS) and isinstance(builder, TileBuilder) and not isinstance(builder, TfdsBands):
                raise
            reason = describe_failed_download(error)
            raise UserError(f"data.name={params.name}: TFDS could not prepare the data set: {reason}") from None
    return builder.columns if isinstance(builder, TileBuilder) else {}


def _prepare(builder: tfds.core.DatasetBuilder, name: str) -> None:
    builder.download_and_prepare(file_format="tfrecord")
    found = builder.info.file_format
    if found not in (tfds.core.FileFormat.TFRECORD, tfds.core.FileFormat.ARRAY_RECORD):
        raise UserError(
            f"data.name={name}: {builder.data_dir} holds {found.value} files; allowed: tfrecord, array_record; "
            "delete that folder, so that TFDS prepares the data set again"
        )


def _to_array_record(file: Path) -> None:
    """Rewrite a TFRecord file as ArrayRecord, from which any example can be read by itself, without TensorFlow.

    The features of each example are written in the order of their names, because TFDS writes them in the order of a
    hash table, which differs from process to process. Nothing is compressed, because images already are.

    Raises:
        OSError: the disk is full.
    """
    target = file.with_name(file.name.replace(".tfrecord", ".array_record"))
    writer = ArrayRecordWriter(str(target), "group_size:1,uncompressed")
    try:
        for record in without_autotuning(tf.data.TFRecordDataset(str(file))).as_numpy_iterator():
            writer.write(tf.train.Example.FromString(record).SerializeToString(deterministic=True))
        writer.close()
    except RuntimeError as error:  # the writer raises it when the disk is full
        raise OSError(error) from None
    file.unlink()


def _describe(path: Path, own: bool) -> None:
    """Correct the description of a data set, which TFDS wrote before the files became ArrayRecord."""
    info = read_json(path) | {"fileFormat": "array_record"}
    if own:
        info["moduleName"] = f"{RECORDED_MODULE}.{info['name']}"
    write_json(path, info)
