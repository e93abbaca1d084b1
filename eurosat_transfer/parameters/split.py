"""The section `split`: how many images each subset gets."""

from typing import Literal

from eurosat_transfer.parameters.section import Count, Section, Seed


class Split(Section):
    """The number of images for training, validation and test."""

    train: Count | Literal["all"]
    val: Count
    test: Count | Literal["all"]
    seed: Seed
