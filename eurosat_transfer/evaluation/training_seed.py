"""Which classifiers depend on a seed of their training."""

from collections.abc import Mapping
from typing import Any


def has_random_training(parameters: Mapping[str, Any]) -> bool:
    """Tell whether the result of a classifier depends on a seed of its own.

    Args:
        parameters: of its section. The probe's solver lbfgs is deterministic, so its seed changes nothing.
    """
    return "seed" in parameters and parameters.get("solver") != "lbfgs"
