"""The section `svm`: the support vector classifier on the deep features."""

from typing import Literal

from eurosat_transfer.parameters.section import PositiveNumber, Section


class Svm(Section):
    """The kernel and the penalty C."""

    kernel: Literal["linear", "rbf"]
    C: PositiveNumber | Literal["auto"]
