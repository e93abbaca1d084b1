"""The section `backbone`: which network computes the features."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from eurosat_transfer.parameters.section import AsText, Count, Section, Seed, Sha256, Text

# The constructor arguments that the backbone stage passes itself.
RESERVED_OPTIONS = frozenset(
    {"include_top", "weights", "pooling", "input_shape", "input_tensor", "classes", "classifier_activation"}
)


class Pretrain(Section):
    """How tilenet is pretrained on drawn textures; a part of the section `backbone`."""

    images: Annotated[int, Field(ge=128, description="At least two batches.")]
    epochs: Count
    threads: Count


class Backbone(Section):
    """The network, its weights and its input size."""

    name: Text
    weights: Annotated[Text, AsText]
    sha256: Sha256 | None
    image_size: Count | Literal["auto"]
    options: dict[str, Any]
    pretrain: Pretrain
    seed: Seed

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
