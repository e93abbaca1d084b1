"""Files with the results of one classifier, in the same format for all classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import classification_report, precision_recall_fscore_support

from eurosat_transfer.evaluation.predictions import Prediction, Results
from eurosat_transfer.evaluation.scores import score
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json


def write_results(stage: str, classes: Sequence[str], files: Sequence[str], results: Results) -> None:
    """Write the scores and the test predictions of a classifier, and print a summary.

    Files:
        metrics/<stage>.json: val and test, each with the scores of eurosat_transfer.evaluation.scores.score;
            training_labels; chosen, if parameters were chosen by the data; unlabelled and saw_test, if the classifier
            can use images without labels; with self-training also pseudo_labels, the number of images with a
            pseudo-label in the last round, pseudo_label_share, their share of unlabelled, and pseudo_labels_by_round.
        plots/<stage>_predictions.csv: file, actual, predicted, confidence (the probability of the predicted class). It
            has one row per test image, in the order of data/split.csv.
        plots/<stage>_classes.csv: class, precision, recall, f1, images (their number). It has one row per class, on
            test. A class without test images has 0 images and no figures: its other fields are empty. The precision of
            a class that is never predicted is 0.

    Args:
        stage: name of the classifier.
        classes: names of the classes, by label.
        files: names of the test images. Empty if they have no names: they are then called test[0], test[1], ...
        results: predictions for val and test, number of training labels, and chosen parameters.

    Raises:
        ValueError: a score is NaN, because a probability is.
        OSError: a file cannot be written.
    """
    scores = {"val": score(results.val), "test": score(results.test)}
    chosen: dict[str, Any] = {"chosen": dict(results.chosen)} if results.chosen else {}
    if results.unlabelled is not None:
        chosen |= {"unlabelled": results.unlabelled, "saw_test": results.saw_test}
        if results.pseudo_labels:
            chosen |= {
                "pseudo_labels": results.pseudo_labels[-1],
                "pseudo_label_share": results.pseudo_labels[-1] / results.unlabelled,
                "pseudo_labels_by_round": list(results.pseudo_labels),
            }
    write_json(f"metrics/{stage}.json", scores | {"training_labels": results.training_labels} | chosen)
    _write_predictions(f"plots/{stage}_predictions.csv", classes, files, results.test)
    _write_classes(f"plots/{stage}_classes.csv", classes, results.test)
    _print_summary(stage, classes, scores, results)


def _write_predictions(path: str, classes: Sequence[str], files: Sequence[str], test: Prediction) -> None:
    names = list(files) or [f"test[{row}]" for row in range(len(test.actual))]
    labels = ([classes[label] for label in column] for column in (test.actual, test.predicted))
    rows = zip(names, *labels, test.confidence.tolist(), strict=True)
    write_csv(path, ("file", "actual", "predicted", "confidence"), rows)


def _write_classes(path: str, classes: Sequence[str], test: Prediction) -> None:
    labels = range(len(classes))
    figures = precision_recall_fscore_support(test.actual, test.predicted, labels=labels, zero_division=0)[:3]
    # scikit-learn counts the images in floating point if a class has none.
    rows = zip(classes, *figures, np.bincount(test.actual, minlength=len(classes)), strict=True)
    with_blanks = (row if row[-1] else (row[0], "", "", "", 0) for row in rows)
    write_csv(path, ("class", "precision", "recall", "f1", "images"), with_blanks)


def _print_summary(
    stage: str, classes: Sequence[str], scores: Mapping[str, Mapping[str, float]], results: Results
) -> None:
    test, with_images = results.test, np.unique(results.test.actual)
    names = [classes[label] for label in with_images]
    print(classification_report(test.actual, test.predicted, labels=with_images, target_names=names, zero_division=0))
    if len(names) < len(classes):
        print("classes without test images:", ", ".join(name for name in classes if name not in names))
    if results.chosen:
        print("chosen:", ", ".join(f"{name}={value:g}" for name, value in results.chosen.items()))
    interval = f"95 % interval {scores['test']['accuracy_low']:.3f} to {scores['test']['accuracy_high']:.3f}"
    val_accuracy, test_accuracy = (scores[subset]["accuracy"] for subset in ("val", "test"))
    print(f"{stage}: val accuracy {val_accuracy:.3f}, test accuracy {test_accuracy:.3f} ({interval})")
