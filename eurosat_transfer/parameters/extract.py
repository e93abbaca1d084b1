"""The section `extract`: how images become features."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.section import AsText, Count, Section, SectionLookup, Sha256, Text
from eurosat_transfer.parameters.svm import Svm


class Extract(Section):
    """How the features are computed, or which precomputed file holds them."""

    preprocess: bool
    precision: Literal["float32", "bfloat16", "int8"]
    pixel_size: Count
    features: Annotated[Text | None, AsText]
    sha256: Sha256 | None

    def check_with(self, sections: SectionLookup) -> None:
        """Check that the saved model can compute in float32 what it learned from, and that svm has its features."""
        saved = sections.section(Model).classifier
        if self.precision != "float32" and saved != "finetune":
            raise ValueError(
                f"extract.precision={self.precision} needs model.classifier=finetune (found {saved}): a saved model "
                "computes in float32, and a classifier of other features loses accuracy there"
            )
        used = sections.section(Svm).features
        if self.features is not None and "bands" in used:
            raise ValueError(
                f"svm.features must be [deep] with extract.features {self.features!r} (found {used}): features that "
                "were computed elsewhere come without images, whose bands could be measured"
            )

    @model_validator(mode="after")
    def _check_that_the_checksum_has_a_file(self) -> Self:
        if self.sha256 is not None and self.features is None:
            raise ValueError(
                "extract.sha256 must be null unless extract.features is set: it is the checksum of that file"
            )
        return self
