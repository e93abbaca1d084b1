"""The choice of the classifier that is saved."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.parameters.model import Savable

NO_MODEL = (
    "There is no model here. With data.bands=all, networks see all bands, and a saved model takes RGB images. "
    "Set data.bands to three bands to save a model."
)
SAVABLE = [name for name in CLASSIFIERS if name in get_args(Savable)]


def choose_classifier(wanted: str, metrics: Mapping[str, Mapping[str, Any]], svm_features: Sequence[str] = ()) -> str:
    """Choose the classifier to save.

    Args:
        wanted: name of a classifier, or auto.
        metrics: by classifier that has results: val, with accuracy, and perhaps saw_test.
        svm_features: the features of svm. A saved model takes RGB images, and computes no statistics of bands.

    Returns:
        The wanted one. For auto: the one with the highest accuracy on val, and of equally good ones the cheapest. A
        classifier that saw the test images is left out, because it saw val too.

    Raises:
        UserError: the wanted classifier has no results.
    """
    if wanted != "auto":
        if wanted not in metrics:
            others = ", ".join(name for name in SAVABLE if name in metrics)
            raise UserError(f"model.classifier={wanted} was left out of this run; allowed: auto, {others}")
        return wanted
    possible = [name for name in SAVABLE if name in metrics and not metrics[name].get("saw_test")]
    if "bands" in svm_features:
        print("model.classifier=auto leaves svm out: a saved model computes no statistics of bands (svm.features)")
        possible.remove("svm")
    return max(possible, key=lambda name: metrics[name]["val"]["accuracy"])
