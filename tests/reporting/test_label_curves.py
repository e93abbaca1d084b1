"""Label curves that end with the accuracy of the results table."""

import pytest
from example_run import TRAINING_LABELS, accuracy, write_run

from eurosat_transfer.reporting.label_curves import join_label_curves, tabulate_label_curves
from eurosat_transfer.reporting.results import load_results

STAGE_LABELS = ["probe", "svm"]  # whose curves the stage labels measures


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run()
    return load_results()


def test_each_curve_ends_with_the_accuracy_of_the_table(results):
    curves = join_label_curves(results)
    assert list(curves) == ["finetune", *STAGE_LABELS]
    for name, points in curves.items():
        last = points[-1]
        assert (last["images"], last["mean"], last["sd"]) == (TRAINING_LABELS, accuracy(name), None)


def test_the_gain_of_the_stage_labels_is_kept_for_the_same_accuracy_only(results):
    curves = join_label_curves(results)
    assert curves["svm"][-1]["gain"]["mean"] == 0.1
    assert curves["probe"][-1]["gain"] is None
    assert curves["finetune"][-1]["gain"]["mean"] == pytest.approx(accuracy("finetune") - 0.45)


def test_a_classifier_has_one_accuracy_for_one_number_of_labels(results):
    # metrics/labels.json of the example has 0.99 for all images.
    assert [point["mean"] for point in join_label_curves(results)["probe"]] == [0.4, 0.6, accuracy("probe")]


def test_subsets_of_fine_tuning_are_the_first_points_of_its_curve(results):
    points = join_label_curves(results)["finetune"]
    assert [(point["images"], point["mean"]) for point in points] == [
        (10, 0.45), (TRAINING_LABELS, accuracy("finetune")),
    ]  # fmt: skip


def test_a_classifier_without_fits_of_subsets_has_no_curve(results):
    assert list(join_label_curves(results._replace(subset_fits={"finetune": []}))) == STAGE_LABELS
    assert join_label_curves(results._replace(subset_fits={}, labels={})) == {}


def test_the_table_has_a_row_per_number_of_labels(results):
    table = tabulate_label_curves(join_label_curves(results))
    assert [(images, [point and point["mean"] for point in points]) for images, points in table] == [
        (10, [0.45, 0.4, 0.3]),
        (20, [None, 0.6, 0.3]),
        (TRAINING_LABELS, [accuracy(name) for name in ("finetune", *STAGE_LABELS)]),
    ]
    assert tabulate_label_curves({}) == []
