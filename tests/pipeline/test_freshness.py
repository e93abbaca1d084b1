"""Which outputs are out of date, by dvc.lock."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.freshness import outdated_outputs

pytestmark = pytest.mark.usefixtures("lock")

STAGES = {
    "extract": {"cmd": "extract", "params": ["extract"], "deps": ["code.py"], "outs": ["features", "pixels"]},
    "svm": {"cmd": "svm", "params": ["svm.C"], "deps": ["features"], "metrics": [{"svm.json": {"cache": False}}]},
    "compare": {"cmd": "compare", "deps": ["svm.json"], "outs": ["compare.json"]},
    "other": {"cmd": "other", "outs": ["other.json"]},
}
PARAMS = {"extract": {"size": 32, "features": None}, "svm": {"C": 10, "kernel": "rbf"}}
OUTPUTS = [Path(name) for name in ("features", "pixels", "svm.json", "compare.json", "other.json")]


def dump(content: dict, name: str) -> None:
    YAML().dump(content, Path(name))


def locked(name: str) -> dict[str, str]:
    return {"path": name, "md5": md5(Path(name))}


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """Write a small pipeline that has run. Return the stages of its dvc.lock, to be changed and dumped."""
    monkeypatch.chdir(tmp_path)
    dump({"stages": STAGES}, "dvc.yaml")
    dump(PARAMS, "params.yaml")
    Path("features").mkdir()
    for name in ("code.py", "features/train", "pixels", "svm.json", "compare.json", "other.json"):
        Path(name).write_text(name, encoding="utf-8")
    stages = {
        "extract": {
            "deps": [locked("code.py")],
            "params": {"params.yaml": {"extract": PARAMS["extract"]}},
            "outs": [locked("features"), locked("pixels")],
        },
        "svm": {
            "deps": [locked("features")],
            "params": {"params.yaml": {"svm.C": 10}},
            "outs": [locked("svm.json")],
        },
        "compare": {"deps": [locked("svm.json")], "outs": [locked("compare.json")]},
        "other": {"outs": [locked("other.json")]},
    }
    dump({"stages": stages}, "dvc.lock")
    return stages


def reasons() -> dict[str, str]:
    return {str(path): reason for path, reason in outdated_outputs(OUTPUTS).items()}


def test_nothing_is_out_of_date_after_a_run():
    assert reasons() == {}
    Path("code.py").write_text("a comment", encoding="utf-8")
    assert reasons() == {}


def test_without_a_lock_file_nothing_is_known():
    Path("dvc.lock").unlink()
    dump({**PARAMS, "svm": {"C": 1}}, "params.yaml")
    assert reasons() == {}


@pytest.mark.parametrize(
    ("section", "values", "reason", "outdated"),
    [
        ("svm", {"C": 1, "kernel": "rbf"}, "svm.C has changed", ["svm.json", "compare.json"]),
        ("svm", {"C": 10, "kernel": "linear"}, "", []),
        ("extract", {"size": 8, "features": None}, "extract.size has changed", [str(path) for path in OUTPUTS[:4]]),
        ("extract", {"size": 32}, "extract has changed", [str(path) for path in OUTPUTS[:4]]),
        ("extract", None, "extract has changed", [str(path) for path in OUTPUTS[:4]]),
    ],
)
def test_outputs_of_other_parameters_are_out_of_date(section, values, reason, outdated):
    dump({**PARAMS, section: values}, "params.yaml")
    assert reasons() == dict.fromkeys(outdated, reason)


def test_outputs_that_were_computed_from_an_earlier_file_are_out_of_date(lock):
    Path("features/train").write_text("computed elsewhere", encoding="utf-8")
    lock["extract"]["outs"] = [locked("features"), locked("pixels")]
    dump({"stages": lock}, "dvc.lock")
    assert reasons() == dict.fromkeys(["svm.json", "compare.json"], "features has changed")


def test_a_file_that_somebody_replaced_is_out_of_date():
    Path("other.json").write_text("of another commit", encoding="utf-8")
    Path("svm.json").unlink()
    assert reasons() == {"other.json": "other.json is not what dvc.lock describes"}


def test_a_stage_without_an_entry_has_not_run(lock):
    del lock["svm"]
    dump({"stages": lock}, "dvc.lock")
    assert reasons() == dict.fromkeys(["svm.json", "compare.json"], "svm has not run")


def test_only_wanted_outputs_of_the_pipeline_are_checked():
    dump({**PARAMS, "svm": {"C": 1}}, "params.yaml")
    assert outdated_outputs([Path("svm.json"), Path("notes.txt")]) == {Path("svm.json"): "svm.C has changed"}
