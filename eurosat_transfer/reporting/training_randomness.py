"""Sentences about what the training seed does to the accuracy of a classifier."""

from collections.abc import Mapping
from typing import Any

from eurosat_transfer.evaluation.training_seed import has_random_training


def describe_training_randomness(
    name: str, parameters: Mapping[str, Any], findings: Mapping[str, Any] | None = None
) -> str:
    """Say whether the interval of a classifier contains the randomness of its training.

    Args:
        name: of the classifier.
        parameters: of its section in params.yaml.
        findings: what several seeds have shown of the classifier, as
            eurosat_transfer.evaluation.seed_findings.current_findings returns it, of two trainings or more. None if
            only one training was run.

    Returns:
        One or two sentences. Empty if the result does not depend on a seed.
    """
    if not has_random_training(parameters):
        return ""
    if findings is None:
        return (
            f"{name} was trained with one seed, {name}.seed={parameters['seed']}. Another seed gives another accuracy, "
            "and this randomness is not in the interval; `python -m eurosat_transfer seeds 3` measures it."
        )
    if findings["sd_training"] is None:
        return (
            f"{name} was trained once on each split. So the interval over all runs contains the randomness of its "
            "training, but not separated from that of the split."
        )
    return (
        f"Trained again on the same images with another seed, {name} differs with a standard deviation of "
        f"{findings['sd_training']:.3f}."
    )
