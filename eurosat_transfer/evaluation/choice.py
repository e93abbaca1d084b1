"""The choice of the classifier that is saved."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.parameters.model import Savable

NO_MODEL = (
    "There is no model here. With data.bands=all, networks see all bands, and a saved model takes RGB images. "
    "Set data.bands to three bands to save a model."
)
LEFT_OUT = "There is no model here: model.classifier is {name}, which was left out. {reason}"
SAVABLE = [name for name in CLASSIFIERS if name in get_args(Savable)]


def find_obstacle(wanted: str, bands: object, left_out: Mapping[str, str]) -> str | None:
    """Say why no classifier can be saved, or return None.

    Args:
        wanted: name of a classifier, or auto.
        bands: what data.bands says.
        left_out: by classifier that has no results, why.
    """
    if bands == "all":
        return NO_MODEL
    return LEFT_OUT.format(name=wanted, reason=left_out[wanted]) if wanted in left_out else None


def choose_classifier(wanted: str, metrics: Mapping[str, Mapping[str, Any]], svm_features: Sequence[str] = ()) -> str:
    """Choose the classifier to save.

    Args:
        wanted: name of a classifier that has results, or auto.
        metrics: by classifier that has results: val, with accuracy, and perhaps saw_test.
        svm_features: the features of svm. A saved model takes RGB images, and computes no statistics of bands.

    Returns:
        The wanted one. For auto: the one with the highest accuracy on val, and of equally good ones the cheapest. A
        classifier that saw the test images is left out, because it saw val too.
    """
    if wanted != "auto":
        return wanted
    possible = [name for name in SAVABLE if name in metrics and not metrics[name].get("saw_test")]
    if "bands" in svm_features:
        print("model.classifier=auto leaves svm out: a saved model computes no statistics of bands (svm.features)")
        possible.remove("svm")
    return max(possible, key=lambda name: metrics[name]["val"]["accuracy"])
