"""Bring the data set in, as a prepared TFDS data set: few, big files.

Reads   nothing, or what data.path or data.url name
Writes  data/dataset/     ArrayRecord files and their description
        data/index.csv    file, label, class; one row an image, in the data set's order
        plots/tiles.png   sample tiles, one row a class
"""

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import matplotlib.pyplot as plt
from array_record.python.array_record_module import ArrayRecordWriter

from stages.common.files import read_json, whole, write_csv, write_json
from stages.common.params import Data, load_params
from stages.common.stage import UserError, run_stage
from stages.common.tensorflow import tf, untuned
from stages.common.tfds import tfds
from stages.common.tiles import DATASET, Records
from stages.datasets.eurosat import Eurosat, fetch_archive
from stages.datasets.folder import Folder
from stages.datasets.landcover_demo import LandcoverDemo

SAMPLES = 8  # tiles of each class in the picture


def builder_for(params: Data, data_dir: Path | str) -> tfds.core.DatasetBuilder:
    """Find the TFDS builder of data.name.

    Raises:
        UserError: there is no such data set, or what it is made from is missing or damaged.
    """
    match params.name:
        case "landcover-demo":
            return LandcoverDemo(data_dir=data_dir)
        case "eurosat":
            return Eurosat(path=str(fetch_archive(params.url, params.sha256)), data_dir=data_dir)
        case "folder":
            return Folder(path=params.path, data_dir=data_dir)
    try:
        return tfds.builder(params.name)  # in TFDS' own folder: other projects have it too
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:  # AssertionError: no such version
        close = str(error).splitlines()[0]
        known = "landcover-demo, eurosat, folder, or a TFDS image-classification data set"
        raise UserError(f"data.name: no data set {params.name!r} ({close}); allowed: {known}") from None


def prepare(params: Data, folder: Path) -> None:
    """Prepare the data set and leave it in a folder, whole or not at all.

    Raises:
        UserError: the data set cannot be found, fetched or read.
    """
    prefix = f".part-{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):  # by a run that was killed
        shutil.rmtree(left)
    with whole(folder) as done, tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as prepared:
        builder = builder_for(params, prepared)
        try:
            builder.download_and_prepare(file_format="tfrecord")
            form = builder.info.file_format
            if form not in (tfds.core.FileFormat.TFRECORD, tfds.core.FileFormat.ARRAY_RECORD):
                where = f"{builder.data_dir} has it as {form.value}"
                raise UserError(f"data.name={params.name}: {where}; allowed: tfrecord, array_record")
            shutil.copytree(builder.data_dir, done)
            for file in sorted(done.glob("*.tfrecord*")):
                rewrite(file)
            info = read_json(done / "dataset_info.json")
            write_json(done / "dataset_info.json", info | {"fileFormat": "array_record"})
        except UserError:
            raise
        except (OSError, RuntimeError, tf.errors.OpError, tfds.download.DownloadError) as error:
            # TFDS wraps a full disk, which TensorFlow reports, in a RuntimeError; another of these is a mistake here.
            if type(error) is RuntimeError and not isinstance(error.__cause__, (OSError, tf.errors.OpError)):
                raise
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"data.name={params.name}: TFDS could not prepare it: {reason}") from None


def rewrite(file: Path) -> None:
    """Rewrite a TFRecord file of examples as ArrayRecord, where any example is read by itself, and without TensorFlow.

    The features of each are put in the order of their names; TFDS writes them in the order of a hash table, which is
    another one from process to process. Uncompressed, as images are so already: the same bytes by any compressor.
    """
    writer = ArrayRecordWriter(str(file).replace(".tfrecord", ".array_record"), "group_size:1,uncompressed")
    try:
        for record in untuned(tf.data.TFRecordDataset(str(file))).as_numpy_iterator():
            writer.write(tf.train.Example.FromString(record).SerializeToString(deterministic=True))
        writer.close()
    except RuntimeError as error:  # the writer's: no room
        raise OSError(error) from None
    file.unlink()


def sample_tiles(images: dict[str, list[bytes]]) -> plt.Figure:
    """Draw encoded images, one row a class."""
    columns = max(map(len, images.values()))
    width = columns * 0.8 + 2
    figure, axes = plt.subplots(len(images), columns, figsize=(width, len(images) * 0.8), squeeze=False)
    for row, (name, encoded) in zip(axes, images.items(), strict=True):
        for axis, image in zip(row, encoded, strict=False):
            axis.imshow(tf.io.decode_image(image, channels=3, expand_animations=False).numpy())
        for axis in row:
            axis.set_axis_off()
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
    figure.subplots_adjust(left=2 / width, right=1, bottom=0, top=1, wspace=0.03, hspace=0.03)
    return figure


def main() -> None:
    prepare(load_params().data, DATASET)
    records = Records()
    index, samples = [], defaultdict(list)
    for record in records:
        if record.label < 0:
            raise UserError(f"the data set's image {record.file} has no label")
        index.append((record.file, record.label))
        if len(samples[record.label]) < SAMPLES:
            samples[record.label].append(record.image)
    present = sorted(samples)  # a class without images is no class here
    if len(present) < 2:
        raise UserError(f"the data set has images of {len(present)} class; needed: two or more")
    write_csv(
        "data/index.csv",
        ("file", "label", "class"),
        ((file, present.index(label), records.classes[label]) for file, label in index),
    )
    figure = sample_tiles({records.classes[label]: samples[label] for label in present})
    with whole("plots/tiles.png") as part:
        figure.savefig(part, dpi=80, format="png")  # 0.8 inches a tile: 64 pixels
    print(f"{len(index)} images of {len(present)} classes; a look at them: plots/tiles.png")


if __name__ == "__main__":
    run_stage(main, __doc__)
