"""The command `predict`, on real files and a tiny model."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import rasterio
from conftest import REPOSITORY, encoded, environment, run
from prediction.small_model import write_model

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.errors import UserError
from eurosat_transfer.openvino_setup import shared_core
from eurosat_transfer.precision import HINTS, usable_precision
from eurosat_transfer.prediction import inference
from eurosat_transfer.prediction.output import Rules
from eurosat_transfer.prediction.progress import Result

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # tiles need none
MIXED = (180, 170, 10)  # a colour between two classes


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder with a model."""
    monkeypatch.chdir(tmp_path)
    write_model(Path("model"))
    return tmp_path


def predict(*arguments):
    parsed = command_line.parse_arguments(["predict", *map(str, arguments)])
    parsed.run(parsed)


def rows(path="predictions.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def write_raster(path, colour, dtype="uint16"):
    with rasterio.open(path, "w", driver="GTiff", width=20, height=16, count=len(colour), dtype=dtype) as raster:
        for band, value in enumerate(colour, 1):
            raster.write(np.full((16, 20), value, dtype), band)


def start(*arguments, cwd):
    """Start the command as a user does, in a folder that is not the repository."""
    return subprocess.Popen(
        [sys.executable, "-m", "eurosat_transfer", "predict", *arguments],
        cwd=cwd,
        env=environment(PYTHONPATH=str(REPOSITORY)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_image_has_a_row(here):
    Path("tiles").mkdir()
    Path("tiles/b.jpg").write_bytes(encoded((255, 0, 0)))
    Path("tiles/a.png").write_bytes(encoded(MIXED, "PNG"))
    with ZipFile("more.zip", "w") as archive:
        archive.writestr("c.png", encoded((0, 255, 0), "PNG", size=(7, 9)))
    write_raster("d.tif", (0, 0, 255), "uint8")
    predict("tiles", "tiles/b.jpg", "*.tif", "more.zip")
    table = rows()
    assert list(table[0]) == ["file", "class", "probability", "set", "unsure", "unfamiliar"]
    assert [tuple(row.values())[:2] for row in table] == [
        ("d.tif", "blue"),
        ("more.zip/c.png", "green"),
        ("tiles/a.png", "red"),
        ("tiles/b.jpg", "red"),
    ]
    mixed, red = table[2], table[3]
    assert (mixed["set"], mixed["unsure"], mixed["unfamiliar"]) == ("red|green", "true", "false")
    assert (red["set"], red["unsure"], red["unfamiliar"]) == ("red", "false", "true")
    odds = np.exp(np.array(MIXED) * 0.02)
    assert float(mixed["probability"]) == pytest.approx(odds[0] / odds.sum(), abs=1e-6)
    assert {path.name for path in here.iterdir()} == {"model", "tiles", "more.zip", "d.tif", "predictions.csv"}


def test_a_lower_coverage_gives_smaller_sets():
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    sets = []
    for coverage in (0.99, 0.9, 0.5, 0.2):
        predict("a.png", "--coverage", coverage)
        sets.append(rows()[0]["set"])
    assert sets == ["red|green|blue", "red|green", "red", ""]
    assert rows()[0]["unsure"] == "true", "an empty set is unsure too"


def test_parquet_has_the_rows_of_csv():
    from pyarrow import parquet

    Path("tiles").mkdir()
    for number in range(5000):
        os.link(write_once(number % 7), f"tiles/{number}.png")
    predict("tiles")
    predict("tiles", "-o", "out/predictions.parquet")
    table = parquet.read_table("out/predictions.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "string", "float", "string", "bool", "bool"]
    expected = rows()
    found = table.to_pylist()
    assert len(found) == 5000
    for row in found:
        row |= {name: str(row[name]).lower() for name in ("unsure", "unfamiliar")}
        row["probability"] = str(np.float32(row["probability"]))
    assert found == expected
    before = Path("out/predictions.parquet").read_bytes()
    predict("tiles", "-o", "out/predictions.parquet")
    assert Path("out/predictions.parquet").read_bytes() == before


def write_once(number):
    path = Path(f"image{number}.png")
    if not path.exists():
        path.write_bytes(encoded((30 * number, 100, 200 - 20 * number), "PNG"))
    return path


def test_rasters_are_rendered_as_the_model_or_the_options_say():
    write_model(Path("trained"), bands=(3, 2, 1), scale=(0, 2750))
    write_raster("a.tif", (2750, 0, 1375, 5000))
    predict("a.tif", "--model", "trained")
    assert rows()[0]["class"] == "blue"
    predict("a.tif", "--model", "trained", "--bands", "1,2,3")
    assert rows()[0]["class"] == "red"
    predict("a.tif", "--bands", "2,3,4", "--scale", "0,5000")
    assert rows()[0]["class"] == "blue"
    assert float(rows()[0]["probability"]) == pytest.approx(0.97, abs=0.01)


def test_unreadable_images_are_listed_and_skipped(capsys):
    Path("tiles").mkdir()
    for number in range(25):
        Path(f"tiles/bad{number:02}.jpg").write_bytes(b"no image")
    Path("tiles/cut.png").write_bytes(encoded((9, 9, 9), "PNG", size=(200, 200))[:-30])
    Path("tiles/good.jpg").write_bytes(encoded((255, 0, 0)))
    write_raster("tiles/deep.tif", (1, 2, 3))
    write_raster("tiles/many.tif", (1, 2, 3, 4, 5), "uint8")
    with pytest.raises(SystemExit) as ended:
        predict("tiles")
    assert ended.value.code == "error: 28 of 29 images cannot be read; see predictions.unreadable.csv"
    assert [row["file"] for row in rows()] == ["tiles/good.jpg"]
    listed = rows("predictions.unreadable.csv")
    reasons = {row["file"]: row["reason"] for row in listed}
    assert list(reasons) == [
        *(f"tiles/bad{n:02}.jpg" for n in range(25)),
        "tiles/cut.png",
        "tiles/deep.tif",
        "tiles/many.tif",
    ]
    assert "uint16 values (from 1 to 3)" in reasons["tiles/deep.tif"]
    assert reasons["tiles/deep.tif"].endswith("; use --scale, for example --scale 0,2750")
    assert reasons["tiles/many.tif"].endswith("; use --bands, for example --bands 4,3,2")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"not readable: tiles/bad00.jpg: {reasons['tiles/bad00.jpg']}"
    assert lines[19].startswith("not readable: tiles/bad19.jpg")
    assert lines[20:] == ["... and 8 more: predictions.unreadable.csv"]

    predict("tiles/good.jpg")
    assert not Path("predictions.unreadable.csv").exists(), "a list of an earlier run would mislead"


def test_an_image_that_is_too_large_for_a_tile_is_not_readable():
    Path("a.png").write_bytes(encoded((1, 2, 3), "PNG", size=(4097, 4096)))
    with pytest.raises(SystemExit):
        predict("a.png")
    assert rows("predictions.unreadable.csv")[0]["reason"].startswith("it has 4097 x 4096 pixels; allowed for a tile:")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--coverage", "0.995"], "99 calibration images are too few for a coverage of 0.995"),
        (["a.png", "--coverage", "1.5"], "a coverage of 1.5 is not possible; allowed: above 0 and below 1"),
        (["a.png", "-o", "a.txt"], "-o a.txt: the suffix is '.txt'; allowed: .csv, .parquet"),
        (["a.png", "--model", "nothing"], "nothing/model.onnx does not exist"),
        (["missing.png"], "'missing.png' does not exist"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(here, arguments, message):
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    with pytest.raises(UserError) as refused:
        predict(*arguments)
    assert str(refused.value).startswith(message)
    assert {path.name for path in here.iterdir()} == {"model", "a.png"}


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet", "predictions.unreadable.csv"])
def test_a_file_of_the_user_is_not_replaced(name):
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    Path(name).write_text("file,label\na.png,Forest\n")
    output = "predictions.csv" if "unreadable" in name else name
    with pytest.raises(UserError, match=f"^-o {output}: {name} exists and is not the output of an earlier run; choose"):
        predict("a.png", "-o", output)
    assert Path(name).read_text() == "file,label\na.png,Forest\n"


@pytest.mark.parametrize("output", ["predictions.csv", "predictions.parquet"])
def test_the_output_of_an_earlier_run_is_replaced(output):
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    Path("b.png").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(SystemExit):
            predict("a.png", "b.png", "-o", output)
    predict("a.png", "-o", output)
    assert not Path("predictions.unreadable.csv").exists()


def test_a_bar_in_the_name_of_a_class_is_no_separator():
    probabilities = np.array([0.4, 0.4, 0.2], np.float32)
    (row,) = Rules(["a|b", "c", "d"], 1.0, 1.0).rows([Result("1.png", probabilities, 0.5, None)])
    assert row.class_ == "a|b"
    assert row.set in ("a\\|b|c", "a\\|b|c|d")


@pytest.mark.parametrize(
    "arguments",
    [["--bands", "3,2"], ["--bands", "0,1,2"], ["--scale", "5,1"], ["--scale", "a,b"], ["--scale", "0,inf"]],
)
def test_wrong_options_are_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.parse_arguments(["predict", "a.png", *arguments])
    assert ended.value.code == 2
    assert "is not possible; allowed: " in capsys.readouterr().err


def test_neither_tensorflow_nor_dvc_nor_the_repository_is_needed(here):
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    for output in ("a.csv", "a.parquet"):
        code = f"""
import sys
from eurosat_transfer.__main__ import main
sys.argv = ["eurosat_transfer", "predict", "a.png", "-o", "{output}"]
main()
heavy = {{"tensorflow", "keras", "dvc", "sklearn", "tensorflow_datasets", "ray"}}
print(sorted(heavy & set(sys.modules)))
"""
        result = run(sys.executable, "-c", code, cwd=here, PYTHONPATH=str(REPOSITORY))
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def slow_tiles(here):
    """Images that take some seconds, most of them for decoding."""
    rng = np.random.default_rng(0)
    Path("tiles").mkdir()
    for number in range(4):
        pixels = rng.integers(0, 256, (400, 400, 3), np.uint8)
        write_raster_image(Path(f"image{number}.tif"), pixels)
    for number in range(4000):
        os.link(f"image{number % 4}.tif", f"tiles/{number:05}.tif")
    return here


def write_raster_image(path, pixels):
    height, width, count = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype="uint8", compress="deflate"
    ) as raster:
        raster.write(np.moveaxis(pixels, -1, 0))


def kill_after_chunks(process, folder, count):
    """Kill the command when it has stored some chunks: the log of its database has changed as often."""
    log = folder / ".part-predictions.csv.sqlite-wal"
    first = process.stdout.readline()
    times = {log.stat().st_mtime_ns}
    while process.poll() is None and len(times) <= count:
        times.add(log.stat().st_mtime_ns)
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return first


def done_before(line):
    """Return the number of images that the first line of the command says were done before."""
    return int(line.partition("of which ")[2].partition(" ")[0].replace(",", "") or 0)


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_same_bytes(slow_tiles):
    uninterrupted = start("tiles", "-o", "expected.csv", cwd=slow_tiles)
    output, errors = uninterrupted.communicate()
    assert uninterrupted.returncode == 0, errors
    done = []
    for count in (3, 1, 4):
        done.append(done_before(kill_after_chunks(start("tiles", cwd=slow_tiles), slow_tiles, count)))
        assert not Path("predictions.csv").exists(), "the output appears when it is complete"
    output, errors = start("tiles", cwd=slow_tiles).communicate()
    done.append(done_before(output))
    assert done[0] == 0
    assert sorted(done) == done, errors  # a chunk counts when it is on the disk, which a kill can precede
    assert 0 < done[-1] < 4000
    assert Path("predictions.csv").read_bytes() == Path("expected.csv").read_bytes()
    assert not list(slow_tiles.glob(".part*"))


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["images", "precision"])
def test_with_other_images_or_options_a_killed_run_starts_anew(slow_tiles, changed):
    kill_after_chunks(start("tiles", cwd=slow_tiles), slow_tiles, 2)
    options = ("--precision", "bfloat16") if changed == "precision" else ()
    if changed == "images":
        os.link("image0.tif", "tiles/another.tif")
    output, _ = start("tiles", *options, cwd=slow_tiles).communicate()
    count = 4001 if changed == "images" else 4000
    assert [line for line in output.splitlines() if "no bfloat16" not in line][:2] == [
        "the images, the model or the options have changed since the interrupted run: starting anew",
        f"{count:,} images",
    ]
    assert len(rows()) == count


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(here):
    """Each image is a hard link. The measured process is a grandchild, whose peak nothing else has raised."""
    peaks = []
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    for count in (1_000, 20_000):
        for number in range(count):
            path = Path(f"tiles{count}/{number // 1000}/a_tile_with_a_long_name_{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(write_once(number % 7), path)
        command = [sys.executable, "-m", "eurosat_transfer", "predict", f"tiles{count}"]
        result = run(sys.executable, "-c", code, *command, cwd=here, PYTHONPATH=str(REPOSITORY))
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stdout.splitlines()[-1]))
    assert peaks[1] < 1.06 * peaks[0]


@pytest.mark.parametrize("output", ["tile.csv", "link.csv", "folder/../tile.csv"])
def test_an_image_is_never_replaced_by_the_output(output):
    Path("folder").mkdir()
    content = encoded(MIXED, "PNG")
    Path("tile.csv").write_bytes(content)  # the content decides the format, not the suffix
    Path("link.csv").symlink_to("tile.csv")
    with pytest.raises(UserError, match="exists and is not the output of an earlier run; choose another name"):
        predict("tile.csv", "-o", output)
    assert Path("tile.csv").read_bytes() == content


@pytest.mark.parametrize("name", ["classes.tif", "probability.tif", "unsure.tif", "areas.csv", "map.png"])
def test_a_scene_is_never_replaced_by_its_map(name):
    Path("out").mkdir()
    content = encoded(MIXED, "PNG")
    Path("out", name).write_bytes(content)
    with pytest.raises(UserError, match=f"out: the map would replace the scene .*{name}; choose another folder"):
        predict(f"out/{name}", "--map", "out")
    assert Path("out", name).read_bytes() == content


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_openvino_computes_in_the_precision_that_is_asked_for(monkeypatch, precision):
    """The tiny model has no layer that bfloat16 changes, so the bits of its results cannot tell."""
    core, hints = shared_core(), []

    class Spy:
        read_model, get_property = core.read_model, core.get_property

        def compile_model(self, model, device, settings):
            hints.append(settings["INFERENCE_PRECISION_HINT"])
            return core.compile_model(model, device, settings)

    monkeypatch.setattr(inference, "shared_core", Spy)
    Path("tile.png").write_bytes(encoded(MIXED, "PNG"))
    predict("tile.png", "--precision", precision)
    assert set(hints) == {HINTS[usable_precision(precision)]}
    assert [row["file"] for row in rows()] == ["tile.png"]


@pytest.mark.parametrize(("option", "path"), [("--map", "map"), ("--map", "data/backbone/x"), ("-o", "map/x.csv")])
def test_nothing_is_written_in_the_place_of_an_output_of_a_stage(option, path):
    Path("dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    with pytest.raises(UserError, match=f"{path}' is in the place of .*; DVC deletes outputs before it runs a stage"):
        predict("scene.tif", option, path)


def test_an_output_is_not_for_a_map():
    with pytest.raises(UserError, match="--output is not for a map"):
        predict("scene.tif", "--map", "out", "-o", "out.csv")


@pytest.mark.parametrize("option", [["--max-nodata", "0.2"], ["--stride", "8"]])
def test_options_of_a_map_are_not_for_images(option):
    Path("a.png").write_bytes(encoded(MIXED, "PNG"))
    with pytest.raises(UserError, match=f"{option[0]} is only for a map of a scene"):
        predict("a.png", *option)


def write_images(folder, colour, count):
    """Write images of one colour."""
    Path(folder).mkdir(exist_ok=True)
    for number in range(count):
        Path(folder, f"{colour[0]}-{number}.png").write_bytes(encoded(colour, "PNG"))


DARK, GREY = (1, 1, 1), (128, 128, 128)  # the model calls dark images unfamiliar, and grey ones familiar


def test_images_that_are_mostly_unfamiliar_and_too_dark_are_refused(capsys):
    write_images("tiles", DARK, 12)
    with pytest.raises(UserError, match="the set of images is far darker than the training tiles"):
        predict("tiles")
    assert not Path("predictions.csv").exists()
    predict("tiles", "--force")
    printed = capsys.readouterr().out
    assert "going on in spite of this: the set of images is far darker" in printed
    assert "unsure: 100.0% of the images, unfamiliar: 100.0%\nMost of the images" in printed


@pytest.mark.parametrize(("dark", "grey"), [(9, 0), (12, 12), (0, 12)])
def test_a_few_images_and_a_minority_of_unfamiliar_ones_are_no_reason_to_stop(dark, grey, capsys):
    write_images("tiles", DARK, dark)
    write_images("tiles", GREY, grey)
    predict("tiles")
    assert f"unfamiliar: {dark / (dark + grey):.1%}" in capsys.readouterr().out


def test_a_wrong_scale_is_noticed_among_images_of_all_folders():
    for name, colour in (("a", GREY), ("b", DARK), ("c", DARK)):
        write_images(name, colour, 100)
    with pytest.raises(UserError, match="the set of images is far darker"):
        predict("a", "b", "c")
