"""Archives, trees, images, data sets and splits that are made to do harm, or that are damaged.

They are refused in one line, within bounded memory, and nothing outside of them is read.
"""

import io
import json
import os
import shutil
import socket
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, run, write_tree
from geotiffs import raster_file
from rasterio.io import MemoryFile

from eurosat_transfer.data.builders.folder import find_images
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.data.index import LabelledImage, index_images
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.data.rasters import decode_raster
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.data.split_file import write_split
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.data import Data

IMAGE = encoded((1, 2, 3))


def refused(message, function, *arguments):
    with pytest.raises(UserError, match=message) as refusal:
        function(*arguments)
    assert "\n" not in str(refusal.value)


def read_all(path):
    return {name: to_rgb(image.read(), name) for name, image in find_images(path).items()}


def write_zip(path, members=(), **changed):
    """Write a zip file of two good classes and of further members.

    Args:
        path: of the zip file.
        members: pairs of a name or ZipInfo, and a content.
        changed: attributes of the last member that the archive declares wrongly, such as its file_size.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (("a/1.jpg", IMAGE), ("b/1.jpg", IMAGE), *members):
            archive.writestr(name, content)
        for key, value in changed.items():
            setattr(archive.infolist()[-1], key, value)
    return path


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


def deflated_zeros(count):
    """Return deflated zero bytes, a multiple of 64 MiB, as one block that is repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count // 2**26) + packer.flush()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../../a/2.jpg", IMAGE)], "'../../a/2.jpg' points outside the archive"),
        ([("a/../../2.jpg", IMAGE)], "points outside the archive; allowed: relative names without"),
        ([("/tmp/a/2.jpg", IMAGE)], "'/tmp/a/2.jpg' points outside the archive"),
        ([("../notes.txt", b"")], "points outside the archive"),
        ([(link("a/2.jpg"), b"/etc/passwd")], "'a/2.jpg' is a symbolic link; allowed: files"),
        ([(link("a"), b"/etc")], "'a' is a symbolic link"),
        ([("a/1.jpg", encoded((9, 9, 9)))], "has two files named 'a/1.jpg'; allowed: one"),
    ],
)
def test_a_zip_with_unsafe_or_repeated_names_is_refused(tmp_path, members, message):
    refused(message, find_images, write_zip(tmp_path / "x.zip", members))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "'a/2.jpg' unpacks to 10737418240 bytes; allowed: 67108864"),
        ({"file_size": 1000}, "'a/2.jpg' cannot be read: Bad CRC-32"),
        ({"compress_type": zipfile.ZIP_BZIP2, "file_size": 1000}, "'a/2.jpg' has an unsupported compression"),
        ({"compress_type": zipfile.ZIP_LZMA, "file_size": 1000}, "'a/2.jpg' has an unsupported compression"),
        ({"compress_type": 77, "file_size": 1000}, "'a/2.jpg' has an unsupported compression"),
        ({"flag_bits": 1, "file_size": 1000}, "'a/2.jpg'.*encrypted"),
        ({"compress_size": 10**9, "file_size": 1000}, "cannot be read|is not a zip file"),
        ({"header_offset": 7, "file_size": 1000}, "cannot be read|is not a zip file"),
    ],
)
def test_a_zip_with_a_false_declaration_is_refused(tmp_path, changed, message):
    declared = {"compress_type": zipfile.ZIP_DEFLATED, "file_size": 10 * 2**30} | changed
    path = write_zip(tmp_path / "x.zip", [("a/2.jpg", deflated_zeros(2**26))], **declared)
    refused(message, read_all, path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("place", [0, 300, len(IMAGE) - 1])
def test_a_damaged_member_of_a_zip_is_refused(tmp_path, compression, place):
    damaged = IMAGE[:place] + bytes([IMAGE[place] ^ 1]) + IMAGE[place + 1 :]
    with zipfile.ZipFile(tmp_path / "x.zip", "w", compression) as archive:
        for name, content in (("a/1.jpg", IMAGE), ("b/1.jpg", IMAGE), ("a/2.jpg", damaged)):
            archive.writestr(name, content)
        archive.infolist()[-1].CRC = zlib.crc32(IMAGE)
    images = find_images(tmp_path / "x.zip")
    assert images["a/1.jpg"].read() == IMAGE
    refused("'a/2.jpg' cannot be read: Bad CRC-32 for file 'a/2.jpg'", images["a/2.jpg"].read)


@pytest.mark.parametrize("name", ["a/2.tif", "labels.csv"])
def test_a_zip_with_a_large_geotiff_or_table_is_refused(tmp_path, name):
    path = write_zip(tmp_path / "x.zip", [(name, b"")], file_size=10 * 2**30)
    refused(f"'{name}' unpacks to 10737418240 bytes; allowed: 67108864", find_images, path)


def test_large_files_that_are_no_images_are_ignored(tmp_path):
    path = write_zip(tmp_path / "x.zip", [("a/video.mp4", b"")], file_size=10 * 2**30)
    assert sorted(read_all(path)) == ["a/1.jpg", "b/1.jpg"]


def png_of(width, height):
    """Return a PNG file that declares a size and has nearly no data."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def jpeg_of(width, height):
    """Return a JPEG file that declares a wrong size."""
    place = IMAGE.index(b"\xff\xc0") + 5
    return IMAGE[:place] + struct.pack(">HH", height, width) + IMAGE[place + 4 :]


TIFF = raster_file(np.random.default_rng(0).integers(0, 256, (3, 40, 50), np.uint8))
VRT = b"""<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


def tiff_of(size, **options):
    """Return a GeoTIFF file that declares a size and has no data."""
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=size, height=size, dtype="uint8", SPARSE_OK=True, **options):
            pass
        return bytes(memory.read())


@pytest.mark.parametrize("name", ["1.jpg", "1.png", "1.tif"])
@pytest.mark.parametrize(
    "content",
    [
        png_of(50_000, 50_000), jpeg_of(50_000, 50_000), png_of(1000, 1000), png_of(0, 9), b"", b"\xff\xd8\xff",
        encoded((1, 2, 3), "PNG", size=(90, 90))[:-30], IMAGE[:-9], b"<svg/>", b"\x80\x04N.", encoded((1, 2, 3), "GIF"),
        encoded((1, 2, 3), "BMP"), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        *(TIFF[:length] for length in (4, 8, 60, 150, 300, 3000, len(TIFF) - 1)), VRT % b"/etc/hostname",
        b"II*\0", b"II*\0" + b"\xff" * 99, b"MM\0*" + bytes(99), b"II+\0" + bytes(99),
        b"II*\0\x08\0\0\0" + b"\xff" * 99,
        b"GTIFF_DIR:1:/etc/hostname", b"/vsicurl/http://localhost/x.tif", b"CDF\1" + bytes(99), b"\x89HDF\r\n\x1a\n",
        raster_file(np.zeros((3, 40, 50), np.uint16), "PNG")[:-40],
    ],
    ids=lambda content: f"{content[:8]}",
)  # fmt: skip
def test_damaged_images_and_other_files_are_refused(content, name):
    refused(f"{name} is not a readable image", to_rgb, content, name)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded():
    refused(r"1\.png is not a readable image: Image size \(100000000 pixels\)", to_rgb, png_of(10_000, 10_000), "1.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tiff_of(10_000, count=1), "it has 100000000 pixels; allowed: 89478485"),
        (
            tiff_of(200_000, count=3, tiled=True, blockxsize=16384, blockysize=16384),
            "it has 40000000000 pixels; allowed: 89478485",
        ),
        (tiff_of(3000, count=30), "it unpacks to 270000000 bytes; allowed: 268435456"),
        (tiff_of(64, count=13, tiled=True, blockxsize=8192, blockysize=8192), "it unpacks to 872415232 bytes; allowed"),
    ],
)
def test_a_geotiff_that_declares_too_much_is_refused_before_it_is_decoded(content, message):
    assert len(content) < 10**6
    refused(rf"1\.tif is not a readable image: {message}", to_rgb, content, "1.tif", Rendering((1, 1, 1)))


def test_a_geotiff_opens_no_address(monkeypatch):
    """GDAL follows this tag when it looks for overviews or for masks."""
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "2")  # so that the test ends if GDAL does follow it
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/x.tif"

        def finish(dataset):
            dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=address)

        content = raster_file(np.ones((3, 8, 8), np.uint8), finish=finish, nodata=0)
        assert address.encode() in content
        assert to_rgb(content, "1.tif")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("place", ["beside", "absolute"])
def test_a_geotiff_cannot_be_a_description_of_another_file(tmp_path, monkeypatch, place):
    tree = write_tree(tmp_path / "mine", images=1)
    (tree / "class_0/x.tif").write_bytes(raster_file(np.full((1, 4, 5), 7, np.uint8)))
    monkeypatch.chdir(tree / "class_0")
    source = str(tree / "class_0/x.tif") if place == "absolute" else "x.tif"
    (tree / "class_0/y.tif").write_bytes(VRT % source.encode())
    refused(r"class_0/y\.tif is not a readable image: neither JPEG, PNG nor GeoTIFF", read_all, tree)
    with pytest.raises(ImageError, match="not recognized"):  # not by GDAL either, whatever the first bytes are
        decode_raster(VRT % source.encode(), Rendering())


# Arguments: files. Prints for each the message and by how many KiB (macOS: bytes) the memory of the process has grown.
MEASURED = """
import resource, sys
from pathlib import Path
from eurosat_transfer.data.builders.folder import find_images
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.npz import read_npz
to_rgb(Path("small.png").read_bytes(), "small.png")
to_rgb(Path("small.tif").read_bytes(), "small.tif")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in map(Path, sys.argv[1:]):
    try:
        if path.suffix == ".zip":
            [to_rgb(image.read(), name) for name, image in find_images(path).items()]
        elif path.suffix == ".npz":
            read_npz(path, "x")
        else:
            to_rgb(path.read_bytes(), path.name)
    except UserError as error:
        print(path.name, error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_files_that_unpack_to_far_more_take_little_memory(tmp_path):
    deflated = {"compress_type": zipfile.ZIP_DEFLATED}
    bomb = [("a/2.jpg", deflated_zeros(10 * 2**30))]
    write_zip(tmp_path / "honest.zip", bomb, **deflated, file_size=10 * 2**30)
    write_zip(tmp_path / "liar.zip", bomb, **deflated, file_size=1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/2.jpg", bytes(2**29))
    bzip2 = {"compress_type": zipfile.ZIP_BZIP2, "file_size": 1000}
    write_zip(tmp_path / "bzip2.zip", [("a/2.jpg", packed.getvalue()[37:])], **bzip2)
    (tmp_path / "large.png").write_bytes(png_of(50_000, 50_000))
    (tmp_path / "large.jpg").write_bytes(jpeg_of(50_000, 50_000))
    (tmp_path / "large.tif").write_bytes(tiff_of(200_000, count=3, tiled=True, blockxsize=16384, blockysize=16384))
    (tmp_path / "block.tif").write_bytes(tiff_of(64, count=3, tiled=True, blockxsize=16384, blockysize=16384))
    (tmp_path / "small.tif").write_bytes(TIFF)
    (tmp_path / "small.png").write_bytes(encoded((1, 2, 3), "PNG"))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10 * 2**30,)})
    for name, size in (("honest.npz", 10 * 2**30), ("liar.npz", 1000)):
        write_zip(tmp_path / name, [("x.npy", header.getvalue())], file_size=size)
    names = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("small"))
    result = run(sys.executable, "-c", MEASURED, *names, cwd=tmp_path, PYTHONPATH=str(REPOSITORY))
    growth = {line.split()[0]: int(line.split()[-1]) for line in result.stdout.splitlines()}
    assert sorted(growth) == names, result.stdout + result.stderr
    assert max(growth.values()) < 100 * 2**10 * (2**10 if sys.platform == "darwin" else 1), result.stdout


def outside(tree):
    secret = tree.parent / "secret.jpg"
    secret.write_bytes(IMAGE)
    (tree / "class_0/x.jpg").symlink_to(secret)


def add(path):
    path.touch()
    return path


def not_utf8(tree):
    (tree / os.fsdecode(b"\xff")).mkdir()
    (tree / os.fsdecode(b"\xff/1.jpg")).write_bytes(IMAGE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (outside, r"'class_0/x.jpg' is a symbolic link to '.*secret\.jpg'; allowed: links to files inside the folder"),
        (lambda tree: (tree / "class_0/x.jpg").symlink_to("x.jpg"), "'class_0/x.jpg' is a symbolic link to 'x.jpg'"),
        (lambda tree: (tree / "class_0/x.jpg").symlink_to("nowhere"), "'class_0/x.jpg' is a symbolic link"),
        (lambda tree: (tree / "class_2").symlink_to("/etc"), "'class_2' is a symbolic link to '/etc'"),
        (lambda tree: (tree / "class_0/again").symlink_to(tree), "'class_0/again' is a symbolic link"),
        (lambda tree: (tree / "class_0/again").symlink_to(".."), "'class_0/again' is a symbolic link"),
        (lambda tree: os.mkfifo(tree / "class_0/x.jpg"), "'class_0/x.jpg' is a pipe, a device or a socket"),
        (lambda tree: (tree / os.fsdecode(b"class_0/\xff.jpg")).write_bytes(IMAGE), r"'class_0/\\udcff.jpg' is not"),
        (lambda tree: (tree / "class_0/x.tif").symlink_to("/etc/hostname"), "'class_0/x.tif' is a symbolic link"),
        (lambda tree: os.mkfifo(tree / "class_0/x.tiff"), "'class_0/x.tiff' is a pipe, a device or a socket"),
        (lambda tree: os.truncate(add(tree / "class_0/x.tif"), 10**9), "'class_0/x.tif' has 1000000000 bytes; allowed"),
        (lambda tree: (tree / "labels.csv").symlink_to("/etc/passwd"), "'labels.csv' is a symbolic link"),
        (lambda tree: os.mkfifo(tree / "labels.csv"), "'labels.csv' is a pipe, a device or a socket"),
        (lambda tree: os.truncate(add(tree / "labels.csv"), 10**9), "'labels.csv' has 1000000000 bytes; allowed: 671"),
        (not_utf8, r"'\\udcff/1.jpg' is not valid UTF-8; rename the file"),
        (lambda tree: os.truncate(tree / "class_0/1.jpg", 10 * 2**30), "'class_0/1.jpg' has 10737418240 bytes"),
    ],
)  # fmt: skip
def test_a_tree_with_unsafe_files_is_refused(tmp_path, change, message):
    tree = write_tree(tmp_path / "mine", images=2)
    change(tree)
    refused(message, read_all, tree)


def test_harmless_links_pipes_and_sockets_are_accepted(tmp_path, monkeypatch):
    tree = write_tree(tmp_path / "mine", images=2)
    (tree / "class_0/same.jpg").symlink_to("../class_1/1.jpg")
    os.mkfifo(tree / "class_0/pipe")
    monkeypatch.chdir(tree)  # because the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        assert len(read_all(tree)) == 5
    (tmp_path / "link").symlink_to(tree)
    assert len(read_all(tmp_path / "link")) == 5


def test_the_largest_allowed_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("eurosat_transfer.data.builders.image_tree.MAX_FILE_BYTES", len(IMAGE))
    tree = tmp_path / "mine"
    for name in ("a/1.jpg", "b/1.jpg"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_bytes(IMAGE)
    assert len(read_all(tree)) == 2
    (tree / "b/1.jpg").write_bytes(IMAGE + b"0")
    refused(rf"'b/1.jpg' has {len(IMAGE) + 1} bytes; allowed: {len(IMAGE)}", read_all, tree)


@pytest.fixture
def folder(tmp_path):
    """Prepare 20 images of two classes. Return the folder of the data set."""
    tree = write_tree(tmp_path / "mine", images=10)
    prepare_dataset(
        Data(name="folder", path=str(tree), url=None, sha256=None, bands=None, scale=None), tmp_path / "dataset"
    )
    return tmp_path / "dataset"


@pytest.fixture
def record_file(folder):
    """Return the one file of a prepared data set of 20 images."""
    (file,) = folder.glob("*.array_record*")
    return file


@pytest.fixture
def split_csv(folder, tmp_path):
    """Write a split of that data set. Return its path."""
    dataset = TileDataset(folder)
    index = index_images((LabelledImage(tile.file, tile.label, tile.image) for tile in dataset), dataset.classes)
    subsets = {"train": np.arange(8), "val": np.array([8, 9]), "test": np.arange(10, 16)}
    write_split(index, [subsets], tmp_path / "x.csv")
    return tmp_path / "x.csv"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("20,x,0,class_0,test", "lists image 20; .*dataset has images 0 to 19"),
        ("-1,x,0,class_0,test", "lists image -1"),
        ("{last}\n{last}", "lists image 15 twice"),
        ("x,x,0,class_0,test", "is not a file of the split stage: invalid literal .*; `dvc repro` writes it again"),
        ("15,x,0,class_0,exam", "has the subset 'exam'; allowed: train, val, test"),
        ("15,x,7,class_0,test", r"has the labels \[0, 1, 7\]; allowed: 0, 1, 2 and so on, without gaps"),
        ("15,x", "row 16 is not as long as the header"),
        ("15,x,0,class_0,test,more", "row 16 is not as long as the header"),
        ('15,"x', "is not a valid CSV file"),
    ],
)
def test_a_split_that_does_not_fit_is_refused(folder, split_csv, line, message):
    last = split_csv.read_text().splitlines()[-1]
    split_csv.write_text(split_csv.read_text().replace(last, line.format(last=last)))
    refused(message, open_selection, folder, split_csv)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "is not a valid CSV file"),
        (b"index,file\n1,2\n", "is not a file of the split stage: 'subset'"),
        (b"", "has no image for train"),
    ],
)
def test_a_file_that_is_not_a_split_is_refused(folder, tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    refused(rf"x\.csv {message}", open_selection, folder, tmp_path / "x.csv")


def test_a_damaged_image_leaves_the_others_readable(folder, record_file):
    tiles = list(TileDataset(folder))
    content = tiles[7].image
    record_file.write_bytes(record_file.read_bytes().replace(content, content[:-1] + b"x"))
    dataset = TileDataset(folder)
    refused("dataset is damaged: .*; `dvc repro` prepares it again", lambda: dataset[7])
    assert [dataset[number] for number in range(20) if number != 7] == tiles[:7] + tiles[8:]


def as_tfrecord(folder):
    info = read_json(folder / "dataset_info.json")
    (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "is not a data set of the download stage"),
        (lambda folder: (folder / "dataset_info.json").unlink(), "is not a data set of the download stage"),
        (lambda folder: (folder / "dataset_info.json").write_text("{"), "is not a data set of the download stage"),
        (lambda folder: (folder / "features.json").unlink(), "is not a data set of the download stage"),
        (as_tfrecord, "has tfrecord files; allowed: ArrayRecord"),
    ],
)
def test_a_folder_that_is_not_a_data_set_is_refused(folder, change, message):
    change(folder)
    refused(f"dataset {message}.*; `dvc repro` prepares it again", TileDataset, folder)


def test_a_description_of_too_many_images_is_refused(folder):
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace('"20"', '"21"'))
    dataset = TileDataset(folder)
    assert len(dataset) == 21
    assert dataset[19].image
    refused("dataset is damaged", lambda: dataset[20])


@pytest.mark.parametrize("left", [0, 100, 2**16, 2**16 + 100])
def test_a_truncated_data_set_is_refused(folder, record_file, left):
    record_file.write_bytes(record_file.read_bytes()[:left])
    dataset = TileDataset(folder)
    for number in range(20):
        refused("dataset is damaged", dataset.__getitem__, number)
