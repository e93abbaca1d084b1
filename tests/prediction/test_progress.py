"""The file that keeps the progress of a run."""

import os
from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.zip_directory import Member
from eurosat_transfer.prediction.inference import Outputs
from eurosat_transfer.prediction.progress import MAX_BYTES_PER_CHUNK, ChunkResults, Progress
from eurosat_transfer.prediction.sources import Source

OUTPUT, PART = Path("out/predictions.csv"), Path("out/.part-predictions.csv.sqlite")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sources(*names, size=10, changed=5):
    return [Source(name, name, size, changed) for name in names]


def many(count=600):
    return sources(*(f"{number:04}.jpg" for number in range(count)))


def finish(chunk, problems=None):
    ids = np.array([int(source.name[:4]) for source in chunk], np.float32)
    return ChunkResults(Outputs(np.column_stack([ids, -ids]), ids / 2), problems or {})


def test_chunks_are_sorted_and_have_each_image_once():
    images = many()
    with Progress(OUTPUT, "", [*reversed(images), *images[:9], *sources(str(Path("0003.jpg").resolve()))]) as progress:
        chunks = list(progress.remaining())
        assert (progress.count, progress.done, progress.was_changed) == (600, 0, False)
    assert [len(chunk) for chunk in chunks] == [256, 256, 88]
    assert [source for chunk in chunks for source in chunk] == images


def test_chunks_of_large_images_are_smaller():
    half = MAX_BYTES_PER_CHUNK // 2
    with Progress(OUTPUT, "", sources("a", "b", "c", size=half) + sources("d", size=3 * half)) as progress:
        assert [[source.name for source in chunk] for chunk in progress.remaining()] == [["a", "b"], ["c"], ["d"]]


def test_finished_chunks_are_kept():
    with Progress(OUTPUT, "key", many()) as progress:
        for chunk in list(progress.remaining())[:2]:
            progress.add(finish(chunk, {1: "no image"}))
    with Progress(OUTPUT, "key", reversed(many())) as progress:
        assert (progress.done, progress.was_changed) == (512, False)
        (chunk,) = progress.remaining()
        progress.add(finish(chunk))
        results = list(progress.results())
        assert list(progress.problems()) == [("0001.jpg", "no image"), ("0257.jpg", "no image")]
        progress.delete()
    assert [result.name for result in results] == [source.name for source in many()]
    assert results[1].probabilities is None
    assert results[300].probabilities.tolist() == [300, -300]
    assert results[300].distance == 150
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize(
    ("key", "images"),
    [
        ("other", many()),
        ("key", many(599)),
        ("key", sources("0000.jpg", size=11) + many()[1:]),
        ("key", sources("0000.jpg", changed=6) + many()[1:]),
        ("key", [many()[0]._replace(member=Member("a", 1, 0, 2, 3, 4, False)), *many()[1:]]),
    ],
    ids=["key", "number", "size", "time", "member"],
)
def test_a_change_starts_anew(key, images):
    with Progress(OUTPUT, "key", many()) as progress:
        progress.add(finish(next(iter(progress.remaining()))))
    with Progress(OUTPUT, key, images) as progress:
        assert (progress.done, progress.was_changed) == (0, True)
        assert next(iter(progress.remaining())) == images[:256]


def test_members_and_names_that_are_not_utf_8_come_back():
    image = Source(os.fsdecode(b"a/\xff.jpg"), "a.zip", 3, 4, Member("\udcff", 1, 8, 2, 3, 4, True), "problem")
    with Progress(OUTPUT, "", [image]) as progress:
        assert next(iter(progress.remaining())) == [image]


def test_a_second_process_on_the_same_output_is_refused():
    with Progress(OUTPUT, "", many()), pytest.raises(UserError, match="another process writes out/predictions.csv"):
        Progress(OUTPUT, "", many())


def test_a_damaged_file_is_replaced():
    Path("out").mkdir()
    PART.write_bytes(b"no database" * 999)
    with Progress(OUTPUT, "", many()) as progress:
        assert progress.done == 0


def test_an_image_source_that_fails_leaves_finished_chunks():
    def fail():
        yield from many()[:9]
        raise UserError("an input has no images")

    with Progress(OUTPUT, "", many()) as progress:
        progress.add(finish(next(iter(progress.remaining()))))
    with pytest.raises(UserError):
        Progress(OUTPUT, "", fail())
    with Progress(OUTPUT, "", many()) as progress:
        assert progress.done == 256


def test_a_full_disk_is_an_error_of_the_system():
    with Progress(OUTPUT, "", many()) as progress:
        chunk = next(iter(progress.remaining()))
        progress._database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(OSError, match="No space left") as full:
            progress.add(finish(chunk, dict.fromkeys(range(256), "x" * 9999)))
        assert full.value.filename == str(PART)


def test_a_run_without_results_leaves_no_file():
    with Progress(OUTPUT, "", many()):
        pass
    with pytest.raises(ZeroDivisionError):
        Progress(OUTPUT, "", (1 // 0 for _ in range(1)))
    assert list(Path("out").iterdir()) == []
