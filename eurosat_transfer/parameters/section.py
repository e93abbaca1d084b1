"""The base class of all sections of params.yaml, with the field types that they share."""

import math
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

THIS_PARAMETER = "section.key"  # in the message of a check that does not know which parameter it checks

SectionT = TypeVar("SectionT", bound="Section")


class SectionLookup(Protocol):
    """Gives access to all sections of a parameter file, for checks that compare two of them."""

    def section(self, kind: type[SectionT]) -> SectionT:
        """Return the section of a class."""
        ...


class Section(BaseModel):
    """A section of params.yaml: unknown keys are errors, and no value is converted to another type.

    The section `svm` is the class `Svm` in the module `eurosat_transfer.parameters.svm`. A new section needs such a
    module and nothing else.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def check_with(self, sections: SectionLookup) -> None:
        """Check this section against other sections. The default has nothing to check.

        Args:
            sections: all sections of the file; each of them is valid by itself.

        Raises:
            ValueError: two sections contradict each other. The message names the parameter, its value and what is
                allowed.
        """


def _check_sha256(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError("must be 64 hexadecimal digits in lower case")
    return text


def _check_bands(numbers: list[int]) -> list[int]:
    if len(numbers) != 3 or min(numbers) < 1:
        raise ValueError("must be three band numbers from 1, for red, green and blue, such as [4,3,2]")
    return numbers


def _check_band_choice(choice: Any) -> Any:
    is_list = isinstance(choice, list) and len(choice) == 3
    numbers = is_list and all(type(band) is int and band >= 1 for band in choice)
    names = is_list and all(isinstance(band, str) and band for band in choice)
    if not (numbers or names or choice == "all"):
        raise ValueError(
            "must be three bands, for red, green and blue: numbers from 1 such as [4,3,2], or names such as "
            "[B08,B04,B03], or all"
        )
    return choice


def _check_scale(ends: list[float]) -> list[float]:
    if len(ends) != 2 or not all(map(math.isfinite, ends)) or not ends[0] < ends[1]:
        raise ValueError("must be two finite numbers, the lower one first, such as [0,2750]")
    return ends


def _check_place(value: Any) -> Any:
    """Turn an integer into text: `-S data.path=2750` gives one. Other values may have lost their spelling."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"must be text, in two pairs of quotes: -S '{THIS_PARAMETER}=\"the path\"'")


Count = Annotated[int, Field(ge=1)]
"""How many: 1 or more."""

CountOrZero = Annotated[int, Field(ge=0)]
"""How many, where none is allowed: 0 or more."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""The seed of a random number generator. NumPy, scikit-learn and TensorFlow all accept 32 bits."""

PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A finite number above 0, for example a learning rate."""

NonNegativeNumber = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number that is 0 or more, for example a weight decay."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
"""A number from 0 to below 1, for example a momentum."""

Bands = Annotated[list[int], AfterValidator(_check_bands)]
"""The bands for red, green and blue. The first band is 1."""

BandChoice = Annotated[Any, AfterValidator(_check_band_choice)]
"""The bands for red, green and blue, by their numbers or names; or "all", for a network that sees all bands."""

Scale = Annotated[list[float], AfterValidator(_check_scale)]
"""The value that becomes 1 and the value that becomes 255."""

Text = Annotated[str, Field(min_length=1)]
"""A text that is not empty: a name, a path or an address."""

AsText = BeforeValidator(_check_place)
"""Makes a path of digits a text, as in Annotated[Text, AsText]."""

Sha256 = Annotated[str, AfterValidator(_check_sha256)]
"""The SHA-256 checksum of a file."""
