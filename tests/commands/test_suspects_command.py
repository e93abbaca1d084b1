"""The command `suspects`."""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, run, write_params, write_tree
from contact_sheets import Sheet

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.index import read_index
from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from stages import download, split, suspects

WRONG = "class_0/wrong.png"  # it looks like the images of class_1


def run_command(*arguments: str) -> None:
    parsed = command_line.parse_arguments(["suspects", *arguments])
    parsed.run(parsed)


def write_colours() -> None:
    """Write data/features.npz, with the mean colour of each image as its features."""
    dataset, selection = open_selection()
    arrays = {"classes": np.array(selection.classes)}
    for subset, places in selection.indices.items():
        tiles = [decode_image(dataset[int(place)].image) for place in places]
        arrays[f"X_{subset}"] = np.array([tile.mean(axis=(0, 1)) for tile in tiles], np.float32)
        arrays[f"files_{subset}"] = np.array(selection.files[subset])
        if subset in selection.labels:
            arrays[f"y_{subset}"] = selection.labels[subset]
    np.savez("data/features.npz", **arrays)


@pytest.fixture
def ranked(world):
    """Rank the labels of a folder with one wrong label. Returns the folder."""
    tree = write_tree(world() / "mine", classes=3)
    (tree / WRONG).write_bytes(encoded((101, 97, 109), "PNG"))
    world(**{
        "data.name": "folder", "data.path": str(tree), "split.train": 52, "split.val": 8, "split.test": 8,
        "split.seed": 1,
    })  # fmt: skip
    download.main()
    split.main()
    assert WRONG in open_selection()[1].files["train"]
    write_colours()
    suspects.main()
    return tree


def test_the_list_and_the_page_have_the_flagged_labels(ranked, capsys):
    run_command()
    rows = read_csv("suspects.csv")
    assert [(row["file"], row["given"], row["suggested"]) for row in rows] == [(WRONG, "class_0", "class_1")]
    page = Path("suspects.html").read_text(encoding="utf-8")
    assert "training images are flagged" in page
    assert f"Save labels.csv as {ranked / 'labels.csv'}" in page
    assert "1 of " in capsys.readouterr().out


@pytest.mark.usefixtures("ranked")
def test_the_first_n_are_shown_on_demand():
    run_command("5")
    rows = read_csv("suspects.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert rows == read_csv("plots/suspects.csv")[:5]


def test_a_label_that_was_corrected_since_the_ranking_is_left_out(ranked, capsys):
    index = read_index()
    labels = {file: index.classes[label] for file, label in zip(index.files, index.labels, strict=True)}
    write_csv(ranked / "labels.csv", ("file", "label"), (labels | {WRONG: "class_1"}).items())
    run_command("3")
    assert [row["rank"] for row in read_csv("suspects.csv")] == ["2", "3"]
    assert "1 labels have changed since the ranking" in capsys.readouterr().out
    with pytest.raises(UserError, match="have changed since the ranking"):
        run_command("1")


@pytest.mark.usefixtures("ranked")
def test_bad_numbers_and_missing_results_are_refused():
    with pytest.raises(UserError, match="N is 0; allowed: 1 or more"):
        run_command("0")
    rows = [{**row, "flagged": "no"} for row in read_csv("plots/suspects.csv")]
    write_csv("plots/suspects.csv", list(rows[0]), (row.values() for row in rows))
    with pytest.raises(UserError, match=r"none of the \d+ labels is flagged"):
        run_command()
    Path("plots/suspects.csv").unlink()
    with pytest.raises(UserError, match="run `dvc repro suspects` first"):
        run_command()


def test_features_without_images_are_refused(world):
    write_params(world(), **{"extract.features": "features.npz"})
    with pytest.raises(UserError, match="has no images to show"):
        run_command()


@pytest.mark.slow
def test_a_ranking_of_other_parameters_is_refused(reproduced):
    command = (sys.executable, "-m", "eurosat_transfer", "suspects", "3")
    assert run(*command, cwd=reproduced).returncode == 0
    assert len(read_csv(reproduced / "suspects.csv")) == 3
    write_params(reproduced, **{"split.seed": 1})
    refused = run(*command, cwd=reproduced)
    assert refused.returncode == 1
    assert "split.seed has changed" in refused.stderr


def test_a_click_corrects_the_label_that_training_sees(ranked, browser, tmp_path):
    before = read_index()
    table = [(file, before.classes[label], "S1") for file, label in zip(before.files, before.labels, strict=True)]
    write_csv(ranked / "labels.csv", ("file", "label", "scene"), table)
    run_command()
    sheet = Sheet(browser, "suspects.html")
    assert sheet.current == WRONG
    sheet.click("class_1", "[data-row='0']")
    shutil.copy(sheet.save(tmp_path / "downloads"), ranked / "labels.csv")
    with (ranked / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
        assert len(rows) == 1 + len(before.files)
        assert rows[0] == ["file", "label", "scene"]
        assert {row[2] for row in rows[1:]} == {"S1"}
    download.main()
    after = read_index()
    changed = [
        (file, after.classes[new])
        for file, old, new in zip(before.files, before.labels, after.labels, strict=True)
        if old != new
    ]
    assert after.files == before.files
    assert changed == [(WRONG, "class_1")]
