"""Files made to do harm: refused in one line, within bounded memory, and nothing but their own content is read."""

import io
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import REPOSITORY, encoded, write_tree

from stages import backbone, download, split
from stages.common import backbones
from stages.common.features import load_features
from stages.common.files import read_json
from stages.common.stage import UserError
from stages.common.tensorflow import keras
from stages.common.tiles import Records, load_tiles, open_chosen
from stages.datasets.builder import as_rgb
from stages.datasets.folder import find_images

IMAGE = encoded((1, 2, 3))


def refused(said, function, *arguments):
    with pytest.raises(UserError, match=said) as refusal:
        function(*arguments)
    assert "\n" not in str(refusal.value)


def read_all(path):
    return {name: as_rgb(read(), name) for name, read in find_images(path).items()}


def zip_of(path, members=(), **changed):
    """Write a zip of two good classes and of members, (name or ZipInfo, content); changed: what it says of the last."""
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


def zeros(count):
    """So many zero bytes, a multiple of 64 MiB, deflated: a block of them again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count // 2**26) + packer.flush()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../../a/2.jpg", IMAGE)], "'../../a/2.jpg' lies outside of the archive"),
        ([("a/../../2.jpg", IMAGE)], "lies outside of the archive"),
        ([("/tmp/a/2.jpg", IMAGE)], "'/tmp/a/2.jpg' lies outside of the archive"),
        ([("../notes.txt", b"")], "lies outside of the archive"),
        ([(link("a/2.jpg"), b"/etc/passwd")], "'a/2.jpg' is a symbolic link"),
        ([(link("a"), b"/etc")], "'a' is a symbolic link"),
        ([("a/1.jpg", encoded((9, 9, 9)))], "holds 'a/1.jpg' twice"),
    ],
)
def test_a_zip_that_reaches_out_or_has_two_of_one_name(tmp_path, members, said):
    refused(said, find_images, zip_of(tmp_path / "x.zip", members))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "'a/2.jpg' unpacks to 10737418240 bytes; allowed"),
        ({"file_size": 1000}, "'a/2.jpg' cannot be read: Bad CRC-32"),
        ({"compress_type": zipfile.ZIP_BZIP2, "file_size": 1000}, "'a/2.jpg' is neither stored nor deflated"),
        ({"compress_type": zipfile.ZIP_LZMA, "file_size": 1000}, "'a/2.jpg' is neither stored nor deflated"),
        ({"compress_type": 77, "file_size": 1000}, "'a/2.jpg' is neither stored nor deflated"),
        ({"flag_bits": 1, "file_size": 1000}, "'a/2.jpg'.*encrypted"),
        ({"compress_size": 10**9, "file_size": 1000}, "cannot be read|is no zip"),
        ({"header_offset": 7, "file_size": 1000}, "cannot be read|is no zip"),
    ],
)
def test_a_zip_that_says_what_is_not_so(tmp_path, changed, said):
    honest = {"compress_type": zipfile.ZIP_DEFLATED, "file_size": 10 * 2**30}
    path = zip_of(tmp_path / "x.zip", [("a/2.jpg", zeros(2**26))], **honest | changed)
    refused(said, read_all, path)


def png_of(width, height):
    """A PNG that says it is so large, with hardly anything in it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def jpeg_of(width, height):
    place = IMAGE.index(b"\xff\xc0") + 5
    return IMAGE[:place] + struct.pack(">HH", height, width) + IMAGE[place + 4 :]


@pytest.mark.parametrize("name", ["1.jpg", "1.png"])
@pytest.mark.parametrize(
    "content",
    [
        png_of(50_000, 50_000), jpeg_of(50_000, 50_000), png_of(1000, 1000), png_of(0, 9), b"", b"\xff\xd8\xff",
        encoded((1, 2, 3), "PNG", size=(90, 90))[:-30], IMAGE[:-9], b"<svg/>", b"\x80\x04N.", encoded((1, 2, 3), "GIF"),
        encoded((1, 2, 3), "BMP"), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=lambda content: f"{content[:8]}",
)  # fmt: skip
def test_an_image_that_is_none(content, name):
    refused(f"{name} is not a readable image", as_rgb, content, name)


def test_an_image_may_be_named_as_the_other_kind():
    assert as_rgb(encoded((1, 2, 3), "PNG"), "1.jpg")[:4] == b"\x89PNG"


MEASURED = """
import resource, sys
from pathlib import Path
from stages.common.files import read_arrays
from stages.common.stage import UserError
from stages.datasets.builder import as_rgb
from stages.datasets.folder import find_images
as_rgb(Path("small.png").read_bytes(), "small.png")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in map(Path, sys.argv[1:]):
    try:
        if path.suffix == ".zip":
            [as_rgb(read(), name) for name, read in find_images(path).items()]
        elif path.suffix == ".npz":
            read_arrays(path, "x")
        else:
            as_rgb(path.read_bytes(), path.name)
    except UserError as error:
        print(path.name, error, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_take_no_memory(tmp_path):
    deflated = {"compress_type": zipfile.ZIP_DEFLATED}
    bomb = [("a/2.jpg", zeros(10 * 2**30))]
    zip_of(tmp_path / "honest.zip", bomb, **deflated, file_size=10 * 2**30)
    zip_of(tmp_path / "liar.zip", bomb, **deflated, file_size=1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/2.jpg", bytes(2**29))
    zip_of(
        tmp_path / "bzip2.zip", [("a/2.jpg", packed.getvalue()[37:])], compress_type=zipfile.ZIP_BZIP2, file_size=1000
    )
    (tmp_path / "large.png").write_bytes(png_of(50_000, 50_000))
    (tmp_path / "large.jpg").write_bytes(jpeg_of(50_000, 50_000))
    (tmp_path / "small.png").write_bytes(encoded((1, 2, 3), "PNG"))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10 * 2**30,)})
    for name, size in (("honest.npz", 10 * 2**30), ("liar.npz", 1000)):
        zip_of(tmp_path / name, [("x.npy", header.getvalue())], file_size=size)
    names = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("small"))
    command = [sys.executable, "-c", MEASURED, *names]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    grown = {line.split()[0]: int(line.split()[-1]) for line in result.stdout.splitlines()}  # KiB; bytes on macOS
    assert sorted(grown) == names, result.stdout + result.stderr
    assert max(grown.values()) < 100 * 2**10 * (2**10 if sys.platform == "darwin" else 1), result.stdout


def tree_with(folder, change):
    tree = write_tree(folder, images=2)
    change(tree)
    return tree


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: (tree / "class_0/x.jpg").symlink_to("/etc/passwd"), "'class_0/x.jpg' is a symbolic link"),
        (lambda tree: (tree / "class_0/x.jpg").symlink_to("x.jpg"), "'class_0/x.jpg' is a symbolic link"),
        (lambda tree: (tree / "class_0/x.jpg").symlink_to("nowhere"), "'class_0/x.jpg' is a symbolic link"),
        (lambda tree: (tree / "class_2").symlink_to("/etc"), "'class_2' is a symbolic link"),
        (lambda tree: (tree / "class_0/again").symlink_to(tree), "'class_0/again' is a symbolic link"),
        (lambda tree: (tree / "class_0/again").symlink_to(".."), "'class_0/again' is a symbolic link"),
        (lambda tree: os.mkfifo(tree / "class_0/x.jpg"), "'class_0/x.jpg' is a pipe, a device or a socket"),
        (lambda tree: (tree / os.fsdecode(b"class_0/\xff.jpg")).write_bytes(IMAGE), r"'class_0/\\udcff.jpg' is not in"),
        (lambda tree: (tree / os.fsdecode(b"\xff")).mkdir() or (tree / os.fsdecode(b"\xff/1.jpg")).write_bytes(IMAGE),
         r"'\\udcff/1.jpg' is not in UTF-8"),
        (lambda tree: os.truncate((tree / "class_0/1.jpg"), 10 * 2**30), "'class_0/1.jpg' has 10737418240 bytes"),
    ],
)  # fmt: skip
def test_a_tree_that_is_more_than_files(tmp_path, change, said):
    refused(said, read_all, tree_with(tmp_path / "mine", change))


def test_a_tree_with_what_does_no_harm(tmp_path):
    def change(tree):
        (tree / "class_0/same.jpg").symlink_to("../class_1/1.jpg")
        os.mkfifo(tree / "class_0/pipe")
        os.chdir(tree)  # the name of a socket is short
        socket.socket(socket.AF_UNIX).bind("socket")

    assert len(read_all(tree_with(tmp_path / "mine", change))) == 5
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert len(read_all(tmp_path / "link")) == 5


class Evil:
    def __reduce__(self):
        return Path("ran").touch, ()


def bad(**changed):
    def change(arrays):
        arrays |= changed

    return change


@pytest.mark.parametrize("name", ["features", "pixels"])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"X_val": np.array([Evil()] * 30)}, "Object arrays cannot be loaded"),
        ({"classes": np.array(["a", "b", Evil()])}, "Object arrays cannot be loaded"),
        ({"X_val": np.full((30, 6), np.nan)}, "X_val has values that are no finite numbers"),
        ({"X_test": np.full((30, 6), np.inf, np.float32)}, "X_test has values that are no finite numbers"),
        ({"X_train": np.zeros((59, 6))}, r"y_train is int64 of shape \(60,\); allowed: whole numbers, \(59,\)"),
        ({"X_val": np.zeros((30, 7))}, r"X_val is float64 of shape \(30, 7\); allowed: .* one width for all"),
        ({"X_val": np.zeros(30)}, r"X_val is float64 of shape \(30,\)"),
        ({"X_train": np.zeros(60)}, r"X_train is float64 of shape \(60,\)"),
        ({"X_train": np.array(1.0)}, r"X_train is float64 of shape \(\)"),
        ({"X_val": np.zeros((0, 6)), "y_val": np.zeros(0, int)}, r"X_val is float64 of shape \(0, 6\)"),
        ({"X_val": np.zeros((30, 6), complex)}, "X_val is complex128"),
        ({"X_val": np.full((30, 6), "1")}, "X_val is <U1"),
        ({"X_val": np.zeros((30, 6), [("a", int)])}, "X_val is "),
        ({"y_val": np.full(30, 3)}, "y_val has labels from 3 to 3; allowed: 0 to 2"),
        ({"y_val": np.full(30, -1)}, "y_val has labels from -1 to -1"),
        ({"y_val": np.zeros(30)}, "y_val is float64"),
        ({"y_val": np.zeros(30, bool)}, "y_val is bool"),
        ({"y_val": np.zeros((30, 1), int)}, r"y_val is int64 of shape \(30, 1\)"),
        ({"classes": np.array([1, 2, 3])}, "classes is int64"),
        ({"classes": np.array("abc")}, r"classes is <U3 of shape \(\)"),
        ({"classes": np.array(["a", "b", "a"])}, "classes is .* each another one"),
        ({"classes": np.array([], "U1")}, "y_train has labels from 0 to 2; allowed: 0 to -1"),
    ],
)  # fmt: skip
def test_features_that_are_none(features, name, changed, said):
    np.savez(f"data/{name}.npz", **features | {"classes": np.array(["a", "b", "c"])} | changed)
    refused(f"data/{name}.npz.*{said}", load_features, f"data/{name}.npz")
    assert not Path("ran").exists()


def test_features_in_another_form(features):
    everything = features | {"classes": np.array(["a", "b", "c"])}
    np.savez_compressed("data/features.npz", **everything)
    assert load_features().X["train"].shape == (60, 6)
    np.save("data/one.npy", features["X_train"])
    refused("one.npy is not the expected .npz", load_features, "data/one.npy")
    everything["X_val"] = np.zeros((30, 10**7), np.uint8)
    np.savez_compressed("data/features.npz", **everything)
    refused(r"it unpacks to \d+ bytes, far more than it is", load_features)
    with zipfile.ZipFile("data/features.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("X_train.npy", b"1")
    refused("'X_train.npy' is neither stored nor deflated", load_features)
    with zipfile.ZipFile("data/features.npz", "w") as archive:
        for key in everything:
            archive.writestr(key, b"no array")
    refused("not all of X_train, .* are arrays", load_features)


@pytest.fixture
def own(tmp_path):
    """The weights of a tiny tilenet, and the parameters that name them."""
    model = backbones.build("tilenet", 16, {})
    model.save_weights(tmp_path / "own.weights.h5")
    with h5py.File(tmp_path / "own.weights.h5") as file:
        first = next(name for name in find_arrays(file) if file[name].ndim == 4)
        values = file[first][:]
    return tmp_path / "own.weights.h5", first, values


def find_arrays(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def elsewhere(tmp_path, values):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = values
    (tmp_path / "secret.bin").write_bytes(values.tobytes())
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[...] = h5py.VirtualSource(tmp_path / "secret.h5", "secret", values.shape)
    return layout


@pytest.mark.parametrize("kind", ["external", "soft", "storage", "virtual", "huge", "huge chunks", "text", "shape"])
def test_weights_that_reach_out_or_are_bombs(world, tmp_path, own, kind):
    path, name, values = own
    layout = elsewhere(tmp_path, values)
    with h5py.File(path, "a") as file:
        del file[name]
        match kind:
            case "external":
                file[name] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
                said = "is a link; allowed: what the file itself contains"
            case "soft":
                file[name], file["there"] = h5py.SoftLink("/there"), values
                said = "is a link; allowed: what the file itself contains"
            case "storage":
                where = [(str(tmp_path / "secret.bin"), 0, values.nbytes)]
                file.create_dataset(name, values.shape, values.dtype, external=where)
                said = "lies in another file; allowed: what the file itself contains"
            case "virtual":
                file.create_virtual_dataset(name, layout)
                said = "lies in another file; allowed: what the file itself contains"
            case "huge":
                file.create_dataset(name, (10**6, 10**6), "f4", chunks=(100, 100), compression="gzip")
                said = "has 4000000000000 bytes; allowed: 1073741824"
            case "huge chunks":
                file.create_dataset(name, (3,), "f4", maxshape=(None,), chunks=(9 * 10**8,))
                said = "has 3600000000 bytes; allowed: 1073741824"
            case "text":
                file[name] = "no number"
                said = "does not fit tilenet"
            case "shape":
                file[name] = values[..., :1]
                said = "does not fit tilenet"
    world(**{"backbone.weights": str(path), "backbone.image_size": 16})
    refused(said, backbone.main)
    assert not backbone.FOLDER.exists()


def test_weights_that_are_code(world, tmp_path):
    keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: Path("ran").touch() or x)]).save(
        tmp_path / "code.keras"
    )
    Path("ran").unlink(missing_ok=True)  # Keras calls it once to see what it gives
    (tmp_path / "pickle.h5").write_bytes(b"cpathlib\nPath.touch\n(S'ran'\ntR.")
    with h5py.File(tmp_path / "both.h5", "w", userblock_size=512):
        pass
    with (tmp_path / "both.h5").open("r+b") as file:
        file.write(b"cpathlib\nPath.touch\n(S'ran'\ntR.")
    for name, said in (("code.keras", "no HDF5"), ("pickle.h5", "no HDF5"), ("both.h5", "does not fit|has nothing")):
        world(**{"backbone.weights": str(tmp_path / name), "backbone.image_size": 16})
        refused(f"{name} .*{said}|{said}", backbone.main)
    assert not Path("ran").exists()


def test_a_split_that_does_not_fit(world, tmp_path):
    tree = write_tree(tmp_path / "mine", images=8)
    counts = {"split.train": 4, "split.val": 2, "split.test": 4, "tsne.perplexity": 2, "knn.k": 1}
    world(**{"data.name": "folder", "data.path": str(tree)}, **counts)
    download.main()
    split.main()
    good = Path("data/split.csv").read_text()
    assert len(load_tiles()["train"].labels) == 4
    last = good.splitlines()[-1]
    for line, said in (
        ("16,x,0,class_0,test", "has the image 16, which data/dataset has not"),
        ("-1,x,0,class_0,test", "has the image -1, which data/dataset has not"),
        (f"{last}\n{last}", "has the image 1[0-9] twice"),
        ("x,x,0,class_0,test", "is not what the split stage writes"),
        ("15,x,0,class_0,exam", "has the subset 'exam'; allowed: train, val, test"),
        ("15,x,7,class_0,test", r"has the labels \[0, 1, 7\]"),
        ("15,x", "some rows are not as long as its header"),
        ("15,x,0,class_0,test,more", "some rows are not as long as its header"),
        ('15,"x', "is no CSV file"),
    ):
        Path("data/split.csv").write_text(good.replace(last, line))
        refused(said, load_tiles)
        refused(said, open_chosen)  # by which report reads
    Path("data/split.csv").write_bytes(b"\xff\xfe")
    refused("is no CSV file", load_tiles)
    Path("data/split.csv").write_text("index,file\n1,2\n")
    refused("is not what the split stage writes: 'label'", load_tiles)


@pytest.fixture
def record_file(world, tmp_path):
    """The one file of a prepared data set of 20 images."""
    tree = write_tree(tmp_path / "mine", images=10)
    world(**{"data.name": "folder", "data.path": str(tree)})
    download.main()
    return next(download.DATASET.glob("*.array_record*"))


def test_a_damaged_image_does_not_take_the_others_along(record_file):
    records = list(Records())
    damaged = records[7].image
    record_file.write_bytes(record_file.read_bytes().replace(damaged, damaged[:-1] + b"x"))
    refused("data/dataset cannot be read", lambda: Records()[7])
    assert [Records()[number] for number in range(20) if number != 7] == records[:7] + records[8:]


def earlier_format(folder):
    info = read_json(folder / "dataset_info.json")
    (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (shutil.rmtree, "is not what the download stage writes"),
        (lambda folder: (folder / "dataset_info.json").unlink(), "is not what the download stage writes"),
        (lambda folder: (folder / "dataset_info.json").write_text("{"), "is not what the download stage writes"),
        (lambda folder: (folder / "features.json").unlink(), "is not what the download stage writes"),
        (earlier_format, "has no ArrayRecord files"),
    ],
)
def test_a_data_set_that_is_none(record_file, change, said):
    change(record_file.parent)
    refused(f"data/dataset {said}.*; `dvc repro` makes it", Records)


def test_a_description_that_says_more_than_there_is(record_file):
    info = record_file.with_name("dataset_info.json")
    info.write_text(info.read_text().replace('"20"', '"21"'))
    assert len(Records()) == 21
    refused("data/dataset cannot be read", lambda: Records()[20])


@pytest.mark.parametrize("left", [0, 100, 2**16, 2**16 + 100])
def test_a_truncated_data_set(record_file, left):
    record_file.write_bytes(record_file.read_bytes()[:left])
    for number in range(20):
        refused("data/dataset cannot be read", lambda number=number: Records()[number])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 10**6, b"[1]", b"3"])
def test_json_that_is_none(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    refused("x.json (is no JSON|holds no JSON object)", read_json, tmp_path / "x.json")
