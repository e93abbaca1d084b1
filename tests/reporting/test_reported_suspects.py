"""The part of the report about labels that look wrong."""

import pytest

from eurosat_transfer.reporting.suspects import describe_suspects, show_suspects

FIGURES = {
    "tiles": 1640, "flagged": 30, "share": 30 / 1640, "below": 0.05, "expected": 20.4, "expected_high": 40,
    "noise": 0.0312,
}  # fmt: skip
LIST = "This is a list to look at, not a list of errors."


def test_flags_that_chance_explains_are_no_sign_of_wrong_labels():
    assert describe_suspects(FIGURES, are_drawn=False) == [
        "30 of 1,640 training images are flagged: the probability of their label is below 5 %, by a classifier that "
        "was not fitted on them.",
        "If all labels were correct and the probabilities true, about 20 would be flagged, and more than 40 in 2.5 % "
        "of such cases.",
        f"So the number does not show that labels are wrong. {LIST}",
    ]


@pytest.mark.parametrize(("flagged", "is_beyond"), [(40, False), (41, True)])
def test_more_flags_than_chance_gives_are_a_sign_of_wrong_labels(flagged, is_beyond):
    *_, verdict = describe_suspects(FIGURES | {"flagged": flagged}, are_drawn=False)
    assert (verdict == f"So some labels are probably wrong: the estimate is 3.1 % of them. {LIST}") is is_beyond


def test_no_label_of_drawn_tiles_is_called_wrong():
    text = " ".join(describe_suspects(FIGURES | {"flagged": 100}, are_drawn=True))
    assert "The tiles are drawn, so no label is wrong" in text
    assert "probably wrong" not in text


def test_a_run_without_anything_to_judge_says_why():
    assert "No label could be judged" in describe_suspects(FIGURES | {"tiles": 0}, are_drawn=False)[0]


def test_the_first_24_are_shown():
    rows = [{"file": f"{number}.jpg"} for number in range(30)]
    shown = show_suspects(rows, lambda file: f"image of {file}")
    assert [row["image"] for row in shown] == [f"image of {number}.jpg" for number in range(24)]
