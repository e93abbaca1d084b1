"""The command `summary`."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import summary
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.hashing import md5
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.pipeline import integrity
from eurosat_transfer.pipeline.definition import parameters_of
from eurosat_transfer.pipeline.seconds_log import log_seconds

NO_RESULT = "no result yet: `dvc repro` computes it, `dvc pull` fetches it"


def scores(accuracy: float) -> dict[str, float]:
    return {
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.02,
        "accuracy_high": accuracy + 0.03,
        "macro_f1": accuracy - 0.1,
    }


@pytest.fixture
def show(world, capsys):
    """Write metrics for the classifiers with an accuracy, run the command, and return what it printed."""
    world()

    def run(**accuracies: float) -> str:
        for name, accuracy in accuracies.items():
            write_json(f"metrics/{name}.json", {"val": scores(0.111), "test": scores(accuracy)})
        arguments = command_line.parse_arguments(["summary"])
        arguments.run(arguments)
        return capsys.readouterr().out

    return run


def table(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()[2 : 2 + len(CLASSIFIERS)]]


def test_each_classifier_has_a_line_with_its_test_scores(show):
    accuracies = {name: 0.5 + i / 100 for i, name in enumerate(CLASSIFIERS)}
    assert table(show(**accuracies)) == [
        [name, f"{x:.3f}", f"{x - 0.02:.3f}", "to", f"{x + 0.03:.3f}", f"{x - 0.1:.3f}"]
        for name, x in reversed(accuracies.items())
    ]


def test_the_best_classifier_comes_first(show):
    printed = show(**{name: 0.5 + i / 10 for i, name in enumerate(CLASSIFIERS)})
    assert [words[0] for words in table(printed)] == list(reversed(CLASSIFIERS))


def test_the_recommended_classifier_is_named_within_the_terminal(show):
    words = f"Use svm: {'it is the cheapest classifier that cannot be told apart from the best one, ' * 2}finetune"
    write_json("metrics/compare.json", {"words": words})
    assert "Use svm" not in show()  # results are missing
    printed = show(**dict.fromkeys(CLASSIFIERS, 0.5))
    assert f"{words}." in printed.replace("\n", " ")
    assert max(map(len, printed.splitlines())) <= 100


def test_values_stand_below_their_headings(show):
    assert summary.format_scores(
        {"svm": scores(0.656), "a_long_name": scores(0.5), "none": None, "old": scores(0.9)},
        {"old": "svm.C has changed"},
    ) == (
        "             test accuracy  95 % interval   macro F1\n"
        "svm                  0.656  0.636 to 0.686     0.556\n"
        "a_long_name          0.500  0.480 to 0.530     0.400\n"
        f"none         {NO_RESULT}\n"
        "old          out of date: svm.C has changed"
    )
    assert max(map(len, show().splitlines())) <= 100


@pytest.fixture
def earlier(world):
    """Write a dvc.lock by which plots/tsne.png, the report and all results but knn's are out of date."""
    folder = world()
    write_json("metrics/knn.json", {"val": scores(0.111), "test": scores(0.5)})
    knn = {"outs": [{"path": "metrics/knn.json", "md5": md5(folder / "metrics/knn.json")}]}
    stages = {name: {} for name in YAML(typ="safe").load(folder / "dvc.yaml")["stages"]}
    for name, stage in stages.items():
        stage["params"] = {"params.yaml": parameters_of(name)}
    stages["svm"]["params"] = {"params.yaml": {"svm": {"features": ["deep"], "kernel": "rbf", "C": 11}}}
    YAML().dump({"stages": stages | {"knn": stages["knn"] | knn}}, folder / "dvc.lock")


@pytest.mark.usefixtures("earlier")
def test_results_of_other_data_or_parameters_are_not_shown(show):
    write_json("metrics/compare.json", {"words": "Use svm"})
    for path in ("plots/tsne.png", "report/report.html"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).touch()
    printed = show(**{name: 0.5 if name == "knn" else 0.75 for name in CLASSIFIERS})
    assert "0.750" not in printed
    assert table(printed)[0][:2] == ["knn", "0.500"]
    assert "\nsvm       out of date: svm.C has changed\n" in printed
    assert "\nprobe     out of date: metrics/probe.json is not what dvc.lock describes\n" in printed
    assert "Use svm" not in printed
    assert "plots/tsne.png (outdated): " in printed
    assert "report/report.html (outdated) shows" in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_results_of_images_are_not_shown_beside_features_that_were_computed_elsewhere(show, world):
    world(**{"extract.features": "lab.npz"})
    printed = show(**dict.fromkeys(CLASSIFIERS, 0.5))
    without = [line.split()[0] for line in printed.splitlines() if "out of date: extract.features" in line]
    assert without[:2] == ["bands", "pixels"]
    assert without[2:] == ["finetune"]


def test_a_missing_metrics_file_is_no_result(show):
    missing, *others = CLASSIFIERS
    lines = show(**dict.fromkeys(others, 0.5)).splitlines()
    assert [line for line in lines if NO_RESULT in line] == [f"{missing:8}  {NO_RESULT}"]


def test_a_new_classifier_is_shown(show, monkeypatch):
    monkeypatch.setitem(CLASSIFIERS, "newcomer", "a linear discriminant analysis")
    assert table(show(newcomer=0.75))[0][:2] == ["newcomer", "0.750"]


def test_a_damaged_metrics_file_is_named(show):
    write_json("metrics/svm.json", {})
    Path("metrics/svm.json").write_text("{")
    with pytest.raises(UserError, match="metrics/svm.json is not valid JSON"):
        show()


def test_pictures_and_report_are_listed_if_they_exist(show):
    assert "picture" not in show()
    assert "report" not in show()
    for path in ("plots/tsne.png", "report/report.html"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).touch()
    printed = show()
    assert "picture:  plots/tsne.png: t-SNE of the deep features and of the raw pixels\n" in printed
    assert printed.count("picture:") == 1
    assert "report:   report/report.html shows everything on one page" in printed


def test_damage_is_reported_instead_of_results(show, monkeypatch, capsys):
    monkeypatch.setattr(integrity, "damaged_outputs", lambda: [Path("plots/tsne.png"), Path("data/array_records")])
    with pytest.raises(UserError) as error:
        show(svm=0.5)
    assert str(error.value) == (
        "damaged in DVC's cache: plots/tsne.png, data/array_records. The content differs from its checksum. "
        "`python -m eurosat_transfer repair` removes the damaged objects"
    )
    assert capsys.readouterr().out == ""


def test_the_seconds_of_the_stages_that_ran_here_are_shown(show):
    assert "Seconds" not in show()
    log_seconds("svm", 2.2)
    log_seconds("finetune", 61)
    assert "Seconds when a stage last ran here: svm 2, finetune 61." in show()
