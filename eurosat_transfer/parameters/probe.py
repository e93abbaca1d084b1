"""The section `probe`: the linear probe on the deep features."""

from typing import Literal

from eurosat_transfer.parameters.section import Count, PositiveNumber, Section, Seed


class Probe(Section):
    """How the probe is trained."""

    lr: PositiveNumber | Literal["auto"]
    batch_size: Count
    epochs: Count
    seed: Seed
