"""The section `probe`: the linear probe on the deep features."""

from typing import Literal

from eurosat_transfer.parameters.section import Count, PositiveNumber, Section, Seed


class Probe(Section):
    """How the probe is trained: C is for the solver lbfgs, and the other parameters are for sgd."""

    solver: Literal["lbfgs", "sgd"]
    C: PositiveNumber | Literal["auto"]
    lr: PositiveNumber
    batch_size: Count
    epochs: Count
    seed: Seed
