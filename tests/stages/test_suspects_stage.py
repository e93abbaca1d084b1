"""The stage suspects."""

import numpy as np
import pytest

from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from stages import suspects

WRONG = 7  # the row of train whose label is wrong


@pytest.fixture
def with_wrong_label(features):
    """Give one training row another label: write(**arrays) replaces more of data/features.npz."""
    features["y_train"][WRONG] = (features["y_train"][WRONG] + 1) % 3

    def write(**arrays) -> None:
        np.savez("data/features.npz", **features | arrays, classes=np.array(["a", "b", "c"]))

    write()
    return write


@pytest.mark.usefixtures("with_wrong_label")
def test_the_wrong_label_comes_first(capsys):
    suspects.main()
    first, *others = read_csv("plots/suspects.csv")
    assert (first["rank"], first["file"], first["given"], first["suggested"]) == ("1", f"train/{WRONG}.jpg", "c", "b")
    assert float(first["probability_given"]) < 0.05 < float(first["probability_suggested"])
    margin = float(first["probability_given"]) - float(first["probability_suggested"])
    assert float(first["margin"]) == margin
    assert [first["flagged"], *{row["flagged"] for row in others}] == ["yes", "no"]
    assert [row["rank"] for row in others] == [str(rank) for rank in range(2, 61)]
    figures = read_json("metrics/suspects.json")
    assert (figures["tiles"], figures["flagged"], figures["share"], figures["below"]) == (60, 1, 1 / 60, 0.05)
    assert 0 <= figures["expected"] < 1
    assert "1 of 60 training images" in capsys.readouterr().out


def test_val_and_test_change_nothing(with_wrong_label):
    suspects.main()
    expected = read_csv("plots/suspects.csv")
    rng = np.random.default_rng(0)
    with_wrong_label(X_val=rng.normal(size=(30, 6)), X_test=rng.normal(size=(30, 6)), y_test=np.zeros(30, np.int64))
    suspects.main()
    assert read_csv("plots/suspects.csv") == expected


def test_a_run_without_anything_to_judge_has_a_list_without_rows(features, capsys):
    one = {name: features[name][:3] for name in ("X_train", "y_train", "files_train")}
    np.savez("data/features.npz", **features | one, classes=np.array(["a", "b", "c"]))
    suspects.main()
    assert read_csv("plots/suspects.csv") == []
    assert read_json("metrics/suspects.json")["tiles"] == 0
    assert "3 training images cannot be judged" in capsys.readouterr().out
