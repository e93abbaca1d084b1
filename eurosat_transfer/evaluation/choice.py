"""The choice of the classifier that is saved."""

from collections.abc import Mapping
from typing import Any, get_args

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.parameters.model import Savable

SAVABLE = [name for name in CLASSIFIERS if name in get_args(Savable)]


def choose_classifier(wanted: str, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Choose the classifier to save.

    Args:
        wanted: name of a classifier, or auto.
        metrics: by classifier: val, with accuracy, and perhaps saw_test.

    Returns:
        The wanted one. For auto: the one with the highest accuracy on val, and of equally good ones the cheapest. A
        classifier that saw the test images is left out, because it saw val too.
    """
    if wanted != "auto":
        return wanted
    possible = [name for name in SAVABLE if not metrics[name].get("saw_test")]
    return max(possible, key=lambda name: metrics[name]["val"]["accuracy"])
