"""The section `split`: how many images each subset gets, and how they are drawn."""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from eurosat_transfer.parameters.section import Count, Section, Seed

GROUP_RULES = "folder, column:NAME, pattern:REGULAR EXPRESSION or blocks:METRES"


def _check_groups(text: str) -> str:
    rule, _, value = text.partition(":")
    match rule:
        case "folder" if not value:
            return text
        case "column" if value:
            return text
        case "pattern":
            _check_pattern(value)
            return text
        case "blocks":
            _check_metres(value)
            return text
    raise ValueError(f"must be {GROUP_RULES}")


def _check_pattern(value: str) -> None:
    try:
        pairs = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"must be pattern: and a regular expression: {error}") from None
    if pairs != 1:
        raise ValueError("must be pattern: and a regular expression with one pair of parentheses, around the place")


def _check_metres(value: str) -> None:
    try:
        metres = float(value)
    except ValueError:
        metres = math.nan
    if not 0 < metres < math.inf:
        raise ValueError("must be blocks: and the side of a block in metres, such as blocks:1280")


class Split(Section):
    """The number of images for training, validation and test, the rule that draws them, and what is used unlabelled."""

    train: Count | Literal["all"]
    val: Count
    test: Count | Literal["all"]
    by: Literal["class", "order"]
    groups: Annotated[str, AfterValidator(_check_groups)] | None
    folds: Count
    contradictions: Literal["exclude", "keep"]
    unlabelled: Literal["none", "rest", "test"]
    seed: Seed

    @model_validator(mode="after")
    def _check_that_places_can_be_kept_together(self) -> Self:
        if self.groups is not None and self.by == "order":
            raise ValueError(f"split.by must be class with split.groups (found order with split.groups {self.groups})")
        return self

    @model_validator(mode="after")
    def _check_that_every_fold_has_a_test_image(self) -> Self:
        if self.test != "all" and self.test < self.folds:
            raise ValueError(
                f"split.test must be all or at least split.folds, one image for each fold "
                f"(found {self.test} with split.folds {self.folds})"
            )
        return self
