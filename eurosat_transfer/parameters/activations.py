"""The section `activations`: how fast small networks learn with sigmoid and with ReLU."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from eurosat_transfer.parameters.section import Count, PositiveNumber, Section, Seed


def _check_increasing(rates: list[float]) -> list[float]:
    if sorted(set(rates)) != rates:
        raise ValueError("must increase, without repetition")
    return rates


class Activations(Section):
    """The data, the size of the networks and their training."""

    data: Literal["digits", "mnist"]
    hidden: Count
    initialisation: Literal["glorot", "he"]
    rates: Annotated[list[PositiveNumber], Field(min_length=1), AfterValidator(_check_increasing)]
    tuning_seeds: Count
    seeds: Count
    batch_size: Count
    max_epochs: Count
    loss: PositiveNumber
    seed: Seed
