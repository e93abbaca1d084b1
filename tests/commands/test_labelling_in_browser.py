"""From a folder without labels to a classifier that knows them: the command, a real browser, and the stages."""

import shutil
from argparse import Namespace
from pathlib import Path

from coloured_tiles import COLOURS, write_tiles
from contact_sheets import Sheet
from selenium.webdriver.common.keys import Keys

from eurosat_transfer.commands import suggest
from eurosat_transfer.io.csv_files import read_csv
from stages import backbone, download, extract, split, svm


def test_clicks_become_labels_that_a_classifier_knows(world, browser, tmp_path):
    world(**{"data.name": "folder", "data.path": "tiles", "split.train": 9, "split.val": 3, "split.test": "all"})
    backbone.main()
    truth = write_tiles(Path("tiles"), each=16)

    suggest.run(Namespace(count=12, images=None))
    sheet = Sheet(browser, "suggestions.html")
    known: list[str] = []
    for _ in range(12):
        name = truth[sheet.current]
        if name in known:
            sheet.label_as(name)
        else:
            sheet.add_class(name)
            known.append(name)
    assert sorted(known) == sorted(COLOURS)
    shutil.move(sheet.save(tmp_path / "downloads"), "tiles/labels.csv")
    first = {row["file"]: row["label"] for row in read_csv("tiles/labels.csv")}
    assert first == {file: truth[file] for file in first}

    suggest.run(Namespace(count=18, images=None))
    sheet = Sheet(browser, "suggestions.html")
    believed = {row["file"]: row["believed"] for row in read_csv("suggestions.csv")}
    for _ in range(18):
        right = believed[sheet.current] == truth[sheet.current]
        sheet.press(Keys.ENTER) if right else sheet.label_as(truth[sheet.current])
    shutil.move(sheet.save(tmp_path / "downloads"), "tiles/labels.csv")
    labels = {row["file"]: row["label"] for row in read_csv("tiles/labels.csv")}
    assert len(labels) == 30
    assert labels == {file: truth[file] for file in labels}

    for stage in (download, split, extract, svm):
        stage.main()
    tested = read_csv("plots/svm_predictions.csv")
    assert [row["actual"] for row in tested] == [truth[row["file"]] for row in tested]
    assert sum(row["predicted"] == row["actual"] for row in tested) >= 0.9 * len(tested)
