"""The section `model`: the classifier that the model stage saves."""

from typing import Literal

from eurosat_transfer.parameters.section import Section, SectionLookup
from eurosat_transfer.parameters.split import Split

Savable = Literal["knn", "svm", "probe", "spread", "finetune"]
"""The classifiers that can be saved: those with a network, and with a head in eurosat_transfer.models.heads."""


class Model(Section):
    """Which classifier is saved, and what it is fitted on."""

    classifier: Savable | Literal["auto"]
    refit: bool

    def check_with(self, sections: SectionLookup) -> None:
        """Check that the classifier has not seen the test images."""
        if self.classifier == "spread" and sections.section(Split).unlabelled == "test":
            raise ValueError(
                "model.classifier must not be spread with split.unlabelled test, because no figures of spread are then "
                "for new images; set split.unlabelled rest or none, or another model.classifier"
            )
