"""The section `bands`: the support vector classifier on the statistics of the bands."""

from typing import Literal

from eurosat_transfer.parameters.section import PositiveNumber, Section


class Bands(Section):
    """The kernel and the penalty C."""

    kernel: Literal["linear", "rbf"]
    C: PositiveNumber | Literal["auto"]
