"""The section `finetune`: how the backbone is trained further on the tiles."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from eurosat_transfer.parameters.section import (
    Count,
    CountOrZero,
    Fraction,
    NonNegativeNumber,
    PositiveNumber,
    Section,
    SectionLookup,
    Seed,
)
from eurosat_transfer.parameters.split import Split


class Finetune(Section):
    """What is trained, with which optimizer and for how long."""

    start: Literal["pretrained", "random"]
    trainable: Count | Literal["all", "head"]
    head_epochs: CountOrZero
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    precision: Literal["float32", "bfloat16"]
    optimizer: Literal["sgd", "adamw"]
    lr: PositiveNumber
    momentum: Fraction
    weight_decay: NonNegativeNumber
    schedule: Literal["constant", "cosine"]
    warmup_epochs: CountOrZero
    clipnorm: PositiveNumber | None
    augment: bool | Literal["strong"]
    dropout: Fraction
    batchnorm: Literal["train", "frozen"]
    batchnorm_momentum: Fraction | None
    test_turns: bool
    refit: bool
    unlabelled: Literal["none", "self-training"]
    threshold: Fraction
    rounds: Count
    label_sizes: list[Count]
    threads: Count
    seed: Seed

    def check_with(self, sections: SectionLookup) -> None:
        """Check that there can be images without labels for the self-training."""
        split = sections.section(Split)
        if self.unlabelled == "self-training" and split.unlabelled != "rest":
            raise ValueError(
                "finetune.unlabelled=self-training needs split.unlabelled=rest (found "
                f"split.unlabelled={split.unlabelled})"
            )

    @model_validator(mode="after")
    def _check_that_the_warmup_ends(self) -> Self:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"finetune.warmup_epochs must be below finetune.epochs, which is {self.epochs} "
                f"(found {self.warmup_epochs})"
            )
        return self
