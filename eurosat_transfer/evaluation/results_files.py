"""Files with the results of one classifier, in the same format for all classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.metrics import classification_report

from eurosat_transfer.evaluation.predictions import Prediction, Results
from eurosat_transfer.evaluation.scores import score
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json


def write_results(stage: str, classes: Sequence[str], results: Results) -> None:
    """Write the scores and the test predictions of a classifier, and print a summary.

    Files:
        metrics/<stage>.json: val and test, each with the scores of eurosat_transfer.evaluation.scores.score; chosen,
            if parameters were chosen on val.
        plots/<stage>_predictions.csv: actual, predicted, and confidence (the probability of the predicted class) if
            there are probabilities. It has one row per test image, in the order of data/split.csv.
        plots/<stage>_classes.csv: class, precision, recall, f1, images (their number). It has one row per class, on
            test. If a precision or a recall is not defined, it is 0.

    Args:
        stage: name of the classifier.
        classes: names of the classes, by label.
        results: predictions for val and test, and chosen parameters.

    Raises:
        ValueError: a score is NaN, because a probability is.
        OSError: a file cannot be written.
    """
    scores = {"val": score(results.val), "test": score(results.test)}
    write_json(f"metrics/{stage}.json", scores | ({"chosen": dict(results.chosen)} if results.chosen else {}))
    _write_predictions(f"plots/{stage}_predictions.csv", classes, results.test)
    _write_classes(f"plots/{stage}_classes.csv", classes, results.test)
    _print_summary(stage, classes, scores, results)


def _write_predictions(path: str, classes: Sequence[str], test: Prediction) -> None:
    columns: dict[str, list] = {
        "actual": [classes[label] for label in test.actual],
        "predicted": [classes[label] for label in test.predicted],
    }
    if test.probabilities is not None:
        columns["confidence"] = test.probabilities.max(axis=1).tolist()
    write_csv(path, tuple(columns), zip(*columns.values(), strict=True))


def _write_classes(path: str, classes: Sequence[str], test: Prediction) -> None:
    report = classification_report(test.actual, test.predicted, output_dict=True, **_labels(classes))
    keys = ("precision", "recall", "f1-score", "support")
    rows = ([name, *(report[name][key] for key in keys)] for name in classes)
    write_csv(path, ("class", "precision", "recall", "f1", "images"), rows)


def _print_summary(
    stage: str, classes: Sequence[str], scores: Mapping[str, Mapping[str, float]], results: Results
) -> None:
    print(classification_report(results.test.actual, results.test.predicted, **_labels(classes)))
    if results.chosen:
        print("chosen on val:", ", ".join(f"{name}={value:g}" for name, value in results.chosen.items()))
    val, test = scores["val"], scores["test"]
    interval = f"95 % interval {test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}"
    print(f"{stage}: val accuracy {val['accuracy']:.3f}, test accuracy {test['accuracy']:.3f} ({interval})")


def _labels(classes: Sequence[str]) -> dict[str, Any]:
    """Build the arguments that make scikit-learn list all classes, including classes without test images."""
    return {"labels": range(len(classes)), "target_names": list(classes), "zero_division": 0}
