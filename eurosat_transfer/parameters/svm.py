"""The section `svm`: the support vector classifier on the features."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from eurosat_transfer.parameters.section import PositiveNumber, Section


def _check_features(names: list[str]) -> list[str]:
    if not names or len(set(names)) < len(names):
        raise ValueError("must be a list of deep (the features of the network) and bands (statistics of the bands)")
    return names


class Svm(Section):
    """The features, the kernel and the penalty C."""

    features: Annotated[list[Literal["deep", "bands"]], AfterValidator(_check_features)]
    kernel: Literal["linear", "rbf"]
    C: PositiveNumber | Literal["auto"]
