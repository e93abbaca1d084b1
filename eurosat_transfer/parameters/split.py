"""The section `split`: how many images each subset gets, and how they are drawn."""

from typing import Literal, Self

from pydantic import model_validator

from eurosat_transfer.parameters.section import Count, Section, Seed


class Split(Section):
    """The number of images for training, validation and test, the rule that draws them, and what is used unlabelled."""

    train: Count | Literal["all"]
    val: Count
    test: Count | Literal["all"]
    by: Literal["class", "order"]
    folds: Count
    contradictions: Literal["exclude", "keep"]
    unlabelled: Literal["none", "rest", "test"]
    seed: Seed

    @model_validator(mode="after")
    def _check_that_every_fold_has_a_test_image(self) -> Self:
        if self.test != "all" and self.test < self.folds:
            raise ValueError(
                f"split.test must be all or at least split.folds, one image for each fold "
                f"(found {self.test} with split.folds {self.folds})"
            )
        return self
