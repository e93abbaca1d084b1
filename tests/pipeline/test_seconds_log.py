"""The log of how long stages took."""

import pytest
from conftest import dvc

from eurosat_transfer.pipeline.seconds_log import LOG, log_seconds, read_seconds


def test_the_last_run_of_each_stage_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_seconds() == {}
    for stage, seconds in (("svm", 1.26), ("knn", 0.5), ("svm", 20.04)):
        log_seconds(stage, seconds)
    assert read_seconds() == {"svm": 20.0, "knn": 0.5}


def test_damaged_lines_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_seconds("svm", 2)
    LOG.write_text(LOG.read_text() + "kn\nprobe,\nlabels,1.2.3\n")
    assert read_seconds() == {"svm": 2.0}


def test_a_log_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LOG.parent.write_text("not a folder")
    log_seconds("svm", 2)
    assert LOG.parent.read_text() == "not a folder"


@pytest.mark.slow
def test_a_stage_that_dvc_runs_is_logged(reproduced, monkeypatch):
    dvc(reproduced, "repro", "-f", "-s", "knn")
    monkeypatch.chdir(reproduced)
    assert 0 < read_seconds()["knn"] < 600
