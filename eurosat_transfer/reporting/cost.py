"""What each classifier costs, counted in images and steps: seconds would differ from run to run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eurosat_transfer.data.subsets import UNLABELLED

VIEWS = 8  # flips and rotations of a tile that finetune.test_turns averages


class Cost(NamedTuple):
    """The cost of one classifier.

    Attributes:
        forward: how many images go through the network without training, for all its results.
        trained: how many images go through the network to train it: forward, and the gradients back.
        steps: number of updates of the network's weights.
        each_new: how many images go through the network to classify one new image.
    """

    forward: int
    trained: int
    steps: int
    each_new: int


def count_cost(
    name: str,
    params: Mapping[str, Mapping[str, Any]],
    folds: Sequence[Mapping[str, int]],
    images: int,
    pseudo_labels: Sequence[int] = (),
) -> Cost:
    """Count the cost of a classifier. The label curve and the pretraining of the network are not counted.

    Args:
        name: of the classifier.
        params: {section: {parameter: value}}.
        folds: number of images in train, val and test of each fold, and in UNLABELLED, if there are any. A single split
            is one fold.
        images: number of different images with labels of all folds.
        pseudo_labels: number of images with a pseudo-label in each round of each training. Empty without self-training.

    Returns:
        The cost of all folds together. All counts are 0 without a network: for pixels, for bands, and for svm on
        statistics of the bands alone. The classifiers on the features share one pass over
        the images, because the folds share the features. Of these, only spread needs the features of UNLABELLED.
    """
    without_network = name in ("pixels", "bands") or (name == "svm" and params["svm"]["features"] == ["bands"])
    if without_network:
        return Cost(0, 0, 0, 0)
    if name != "finetune":
        used = images + (folds[0].get(UNLABELLED, 0) if name == "spread" else 0)
        return Cost(0 if params["extract"].get("features") else used, 0, 0, 1)
    costs = [_count_finetune(params["finetune"], fold, pseudo_labels) for fold in folds]
    return Cost(
        forward=sum(cost.forward for cost in costs),
        trained=sum(cost.trained for cost in costs),
        steps=sum(cost.steps for cost in costs),
        each_new=costs[0].each_new,
    )


def _count_finetune(settings: Mapping[str, Any], subsets: Mapping[str, int], pseudo_labels: Sequence[int]) -> Cost:
    """Count the cost of fine-tuning on one fold. Each round of self-training is a run of its own."""
    views = VIEWS if settings["test_turns"] else 1
    rounds = settings["rounds"] if pseudo_labels else 1
    labels = [subsets["train"]] + ([subsets["train"] + subsets["val"]] if settings["refit"] else [])
    labels = [images for images in labels for _ in range(rounds)]
    runs = [sum(images) for images in zip(labels, pseudo_labels, strict=True)] if pseudo_labels else labels
    forward = rounds * settings["epochs"] * subsets["val"] + views * (subsets["val"] + subsets["test"])
    if pseudo_labels:  # each round begins with the features of all images
        forward += sum(images + subsets[UNLABELLED] for images in labels)
    if settings["head_epochs"]:  # the new layer alone is trained on the features of the frozen network
        forward += sum(runs)
    batch = settings["batch_size"]
    used = [images // batch * batch or images for images in runs]  # epochs have full batches only, if there is one
    return Cost(
        forward=forward,
        trained=settings["epochs"] * sum(used),
        steps=settings["epochs"] * sum(-(-images // batch) for images in used),
        each_new=views,
    )
