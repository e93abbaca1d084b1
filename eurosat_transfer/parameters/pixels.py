"""The section `pixels`: the support vector classifier on raw pixels."""

from typing import Literal

from eurosat_transfer.parameters.section import PositiveNumber, Section


class Pixels(Section):
    """The kernel and the penalty C."""

    kernel: Literal["linear", "rbf"]
    C: PositiveNumber | Literal["auto"]
