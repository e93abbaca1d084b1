"""The choice of the classifier that is saved."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.confusion import count_confusion
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.loading import Parameters
from eurosat_transfer.parameters.model import Model, Savable
from eurosat_transfer.parameters.svm import Svm

NO_MODEL = (
    "There is no model here. With data.bands=all, networks see all bands, and a saved model takes RGB images. "
    "Set data.bands to three bands to save a model."
)
LEFT_OUT = (
    "There is no model here. model.classifier is {name}, which was left out: {reason}. Set extract.precision=float32 "
    "and model.classifier=auto to save a model."
)
SAVABLE = [name for name in CLASSIFIERS if name in get_args(Savable)]


def make_choice(
    parameters: Parameters, metrics: Mapping[str, Mapping[str, Any]], left_out: Mapping[str, str]
) -> dict[str, Any]:
    """Choose the classifier to save, and gather what the saved model needs of its results.

    Args:
        parameters: all parameters.
        metrics: by classifier that has results: val, with accuracy, and perhaps saw_test.
        left_out: by classifier that has no results, why.

    Returns:
        classifier: its name; parameters: its section; confusion: of its predictions for the test images, as
        count_confusion returns it. If no model can be saved, classifier is None, and reason says why.

    Raises:
        FileNotFoundError: the files of its stage are missing.
    """
    wanted = parameters.section(Model).classifier
    if parameters.section(Data).bands == "all":
        return {"classifier": None, "reason": NO_MODEL}
    if wanted in left_out:
        return {"classifier": None, "reason": LEFT_OUT.format(name=wanted, reason=left_out[wanted])}
    name = choose_classifier(wanted, metrics, parameters.section(Svm).features)
    classes = [row["class"] for row in read_csv(f"plots/{name}_classes.csv")]
    confusion = count_confusion(read_csv(f"plots/{name}_predictions.csv"), classes)
    return {"classifier": name, "parameters": parameters.as_dict()[name], "confusion": confusion.tolist()}


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
