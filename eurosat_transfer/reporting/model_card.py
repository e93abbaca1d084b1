"""The model card: what a saved classifier is, how good it is, and where its limits are."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.comparison import describe_seen_test, describe_small_classes
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.parameters.backbone import ONNX
from eurosat_transfer.prediction.saved_model import CARD_FILE, Description, NoModelError, load_description
from eurosat_transfer.reporting.changed_parameters import data_name
from eurosat_transfer.reporting.page_templates import page_templates

LICENCES = {  # of data sets; the licences of others are not known
    "eurosat": "The training images are EuroSAT (Helber et al., 2019), MIT licence; contains modified Copernicus "
    "Sentinel data.",
    "landcover-demo": "The training images were drawn by eurosat-transfer, MIT licence.",
}
OWN_IMAGES = "The training images are not part of this model. Their licence decides whether you may share it."
PSEUDO_LABELS = " It also learned from pseudo-labels: labels that the classifier spread gave to images without labels."
OWN_WEIGHTS = (
    "The network started from weights that were trained elsewhere, on ImageNet if nothing else was set. Their licence "
    "holds for this model too."
)


def write_model_card(
    folder: Path,
    params: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, Any]],
    comparison: Mapping[str, Any],
) -> None:
    """Write the card of the classifier in a folder, or why there is none.

    Args:
        folder: has the saved classifier, and gets README.md.
        params: as for write_card.
        metrics: as for write_card.
        comparison: as for write_card.

    Raises:
        UserError: the folder has no description of a classifier, or a damaged one.
        OSError: the file cannot be written.
    """
    with atomic_write(folder / CARD_FILE) as part:
        try:
            write_card(part, load_description(folder), params, metrics, comparison)
        except NoModelError as error:
            part.write_text(f"{error}\n", encoding="utf-8")


def write_card(
    path: Path,
    description: Description,
    params: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, Any]],
    comparison: Mapping[str, Any],
) -> None:
    """Write the card of a saved classifier.

    Args:
        path: of the Markdown file.
        description: of the classifier.
        params: all parameters: {section: {parameter: value}}.
        metrics: by classifier: val and test, each with its scores; training_labels.
        comparison: as eurosat_transfer.evaluation.comparison.compare_classifiers returns it.
    """
    name, confusion = description.classifier, np.array(description.confusion)
    calibration_images = len(description.calibration_scores)
    seen_test = describe_seen_test(comparison["saw_test"])
    small_classes = describe_small_classes(comparison["small_classes"])
    context = {
        "name": name,
        "what": CLASSIFIERS[name].capitalize(),
        "network": describe_network(params["backbone"]),
        "data_name": data_name(params),
        "drawn": params["data"]["name"] == "landcover-demo",
        "classes": description.classes,
        "tile_size": description.tile_size,
        "rendering": describe_rendering(description),
        "fitted_on": describe_labels(metrics[name]["training_labels"], calibration_images, params)
        + describe_unlabelled(metrics[name]),
        "ranked": sorted(metrics.items(), key=lambda item: -item[1]["test"]["accuracy"]),
        "test_images": int(confusion.sum()),
        "chosen": describe_choice(name, params["model"]["classifier"], metrics[name]["val"]["accuracy"]),
        "refit": params["model"]["refit"],
        "folds": params["split"]["folds"],
        "comparisons": [pair["words"] for pair in comparison["pairs"] if name in (pair["better"], pair["worse"])],
        "per_class": summarise_classes(confusion, description.classes),
        "calibration_images": calibration_images,
        "calibrated_on": description.calibrated_on,
        "largest_level": f"{100 * calibration_images / (calibration_images + 1):.3g} %",
        "distance_threshold": description.distance_threshold,
        "seen_test": f"{seen_test}." if seen_test else "",
        "small_classes": f"{small_classes}." if small_classes else "",
        "licence": describe_licence(params),
        "made_from": description.made_from,
    }
    path.write_text(page_templates().get_template("model_card.md.j2").render(context), encoding="utf-8")


def describe_network(backbone: Mapping[str, Any]) -> str:
    """Name the network, and for one from an ONNX file also the file, without its folder."""
    name = str(backbone["name"])
    file = re.split(r"[/\\]", backbone["weights"])[-1]
    return f"{name} ({file})" if name == ONNX else name


def describe_rendering(description: Description) -> str:
    """Say how the bands of the training images became RGB. The text is empty if they were RGB already."""
    parts = []
    if description.bands:
        parts.append("bands {}, {} and {} are red, green and blue".format(*description.bands))
    if description.scale:
        parts.append("the values {:g} to {:g} become 1 to 255".format(*description.scale))
    return f"{'; '.join(parts)}." if parts else ""


def describe_labels(tested: int, calibrated: int, params: Mapping[str, Mapping[str, Any]]) -> str:
    """Say which labels the classifier was fitted on.

    Args:
        tested: number of labels of the classifier that was tested.
        calibrated: number of images of the calibration set. After a refit, these are all that were fitted.
        params: all parameters.
    """
    if params["split"]["folds"] > 1 and params["model"]["refit"]:
        return f"all {calibrated} labels. The figures below are of all folds, each with a classifier of its own."
    if params["split"]["folds"] > 1:
        return "those of the first fold. The figures below are of all folds, each with a classifier of its own."
    if params["model"]["refit"]:
        return f"all {calibrated} selected labels but test: those of train and val."
    return f"{tested}, as it was tested."


def describe_unlabelled(metrics: Mapping[str, Any]) -> str:
    """Say what the classifier learned from images without labels, or return ""."""
    if "pseudo_labels" in metrics:
        return PSEUDO_LABELS
    return (
        f" It also learned from {metrics['unlabelled']:,} images without labels." if metrics.get("unlabelled") else ""
    )


def describe_choice(name: str, wanted: str, val_accuracy: float) -> str:
    """Say how the classifier was chosen."""
    if wanted == "auto":
        return f"`{name}` was chosen because it has the best accuracy on val, {val_accuracy:.3f}."
    return f"`{name}` was chosen by the parameter `model.classifier`. Its accuracy on val is {val_accuracy:.3f}."


def summarise_classes(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Summarise the confusion for each class.

    Args:
        confusion: int64, (classes, classes): a row for each actual class.
        classes: names by label.

    Returns:
        For each class: name; recall and precision as text, or "-" without images; images; taken_for, the class that
        its images are most often taken for, or "-" if there is none.
    """
    rows = []
    for label, name in enumerate(classes):
        images, predicted, correct = confusion[label].sum(), confusion[:, label].sum(), confusion[label, label]
        others = np.where(np.arange(len(classes)) == label, 0, confusion[label])
        rows.append(
            {
                "name": name,
                "recall": f"{correct / images:.3f}" if images else "-",
                "precision": f"{correct / predicted:.3f}" if predicted else "-",
                "images": int(images),
                "taken_for": f"{classes[int(others.argmax())]} ({others.max()})" if others.any() else "-",
            }
        )
    return rows


def describe_licence(params: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List what is known of the licences of the data and of the weights."""
    sentences = [LICENCES.get(params["data"]["name"], OWN_IMAGES)]
    if params["backbone"]["name"] != "tilenet" or params["backbone"]["weights"] not in ("auto", "none"):
        sentences.append(OWN_WEIGHTS)
    return sentences
