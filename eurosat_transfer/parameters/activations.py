"""The section `activations`: how fast small networks learn with sigmoid and with ReLU."""

from typing import Literal

from eurosat_transfer.parameters.section import Count, PositiveNumber, Section, Seed


class Activations(Section):
    """The data, the size of the networks and their training."""

    data: Literal["digits", "mnist"]
    hidden: Count
    lr: PositiveNumber
    batch_size: Count
    max_epochs: Count
    loss: PositiveNumber
    seed: Seed
