"""Pictures do not depend on the settings of Matplotlib."""

import sys
from pathlib import Path

import matplotlib
import pytest
from conftest import REPOSITORY, run
from hostile_home import write_hostile_home

from eurosat_transfer.reporting.label_curve_picture import draw_label_curve

DRAW = """
import sys
import stages
from eurosat_transfer.reporting.label_curve_picture import draw_label_curve
draw_label_curve(sys.argv[1], {"svm": [{"images": 10, "mean": 0.5, "sd": 0.1}]})
"""


def draw(path: Path) -> bytes:
    draw_label_curve(str(path), {"svm": [{"images": 10, "mean": 0.5, "sd": 0.1}]})
    return path.read_bytes()


@pytest.mark.slow  # Matplotlib lists the fonts of a new home folder
def test_settings_in_the_home_folder_and_an_unknown_backend_change_no_picture(tmp_path):
    variables = write_hostile_home(tmp_path / "home") | {"MPLBACKEND": "unknown"}
    picture = tmp_path / "hostile.png"
    result = run(sys.executable, "-c", DRAW, str(picture), cwd=REPOSITORY, **variables)
    assert result.returncode == 0, result.stderr
    assert picture.read_bytes() == draw(tmp_path / "here.png")


def test_the_settings_of_a_notebook_change_no_picture_and_stay(tmp_path):
    expected = draw(tmp_path / "before.png")
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 30}):
        assert draw(tmp_path / "after.png") == expected
        assert matplotlib.rcParams["font.size"] == 20
