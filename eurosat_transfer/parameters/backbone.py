"""The section `backbone`: which network computes the features."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.section import (
    AsText,
    Count,
    PositiveNumber,
    Section,
    SectionLookup,
    Seed,
    Sha256,
    Text,
)

RGB = ("red", "green", "blue")  # the bands of the images
ONNX = "onnx"  # the value of backbone.name for a network from a file

# The constructor arguments that the backbone stage passes itself.
RESERVED_OPTIONS = frozenset(
    {"include_top", "weights", "pooling", "input_shape", "input_tensor", "classes", "classifier_activation"}
)


class Pretrain(Section):
    """How tilenet is pretrained on drawn textures; a part of the section `backbone`."""

    images: Annotated[int, Field(ge=128, description="At least two batches.")]
    epochs: Count
    threads: Count


def _check_bands(names: list[str]) -> list[str]:
    if not names or len(set(names)) != len(names):
        raise ValueError("must be different names, one for each of the network's input channels, in their order")
    return names


def _check_finite(values: list[float] | float) -> list[float] | float:
    if not all(map(math.isfinite, values if isinstance(values, list) else [values])):
        raise ValueError("must be finite")
    return values


def _check_positive(values: list[float] | float) -> list[float] | float:
    if not all(0 < value < math.inf for value in (values if isinstance(values, list) else [values])):
        raise ValueError("must be finite and above 0")
    return values


class Onnx(Section):
    """What an ONNX network expects of its images, and which of its outputs are features; a part of `backbone`."""

    bands: Annotated[list[Text], AfterValidator(_check_bands)]
    divide_by: PositiveNumber
    mean: Annotated[list[float] | float, AfterValidator(_check_finite)]
    std: Annotated[list[float] | float, AfterValidator(_check_positive)]
    output: Text | None
    pooling: Literal["mean", "first"]

    @model_validator(mode="after")
    def _check_that_lists_have_a_number_for_each_band(self) -> Self:
        for name in ("mean", "std"):
            values = getattr(self, name)
            if isinstance(values, list) and len(values) != len(self.bands):
                raise ValueError(
                    f"backbone.onnx.{name} must be one number, or one for each of the {len(self.bands)} bands (found "
                    f"{len(values)})"
                )
        return self


class Backbone(Section):
    """The network, its weights and its input size."""

    name: Text
    weights: Annotated[Text, AsText]
    sha256: Sha256 | None
    image_size: Count | Literal["auto"]
    options: dict[str, Any]
    onnx: Onnx
    pretrain: Pretrain
    seed: Seed

    def check_with(self, sections: SectionLookup) -> None:
        """Check that the classifier to save can be trained, and that the images have the bands of the network.

        With features in bfloat16, model.classifier=finetune means that no classifier of these features is saved.
        """
        if (
            self.name == ONNX
            and sections.section(Model).classifier == "finetune"
            and sections.section(Extract).precision == "float32"
        ):
            raise ValueError(
                "model.classifier must not be finetune with backbone.name=onnx, because fine-tuning needs a Keras "
                "network; set model.classifier=auto, or another classifier"
            )
        if self.name == ONNX and sections.section(Data).bands != "all" and sorted(self.onnx.bands) != sorted(RGB):
            raise ValueError(
                f"backbone.onnx.bands must be {', '.join(RGB)}, in the order of the network's input channels, unless "
                f"data.bands is all (found {self.onnx.bands})"
            )

    @field_validator("options")
    @classmethod
    def _check_that_no_option_is_reserved(cls, options: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(RESERVED_OPTIONS & set(options)):
            raise ValueError(f"must not contain {', '.join(reserved)}, which the backbone stage sets itself")
        return options

    @model_validator(mode="after")
    def _check_that_the_checksum_has_a_file(self) -> Self:
        if self.sha256 is not None and self.weights in ("auto", "none"):
            raise ValueError(
                f"backbone.sha256 must be null unless backbone.weights is a file or an address: it is the checksum of "
                f"that file (found backbone.weights {self.weights!r})"
            )
        return self

    @model_validator(mode="after")
    def _check_that_an_onnx_network_has_a_file(self) -> Self:
        if self.name == ONNX and self.weights in ("auto", "none"):
            raise ValueError(
                f"backbone.name=onnx needs backbone.weights=<path or address of an ONNX file> (found {self.weights!r})"
            )
        if self.name == ONNX and self.options:
            raise ValueError(f"backbone.options must be {{}} with backbone.name=onnx (found {self.options})")
        return self
