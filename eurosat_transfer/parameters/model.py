"""The section `model`: the classifier that the model stage saves."""

from typing import Literal

from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.section import Section, SectionLookup
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.svm import Svm

Savable = Literal["knn", "svm", "probe", "spread", "finetune"]
"""The classifiers that can be saved: those with a network, and with a head in eurosat_transfer.models.heads."""


class Model(Section):
    """Which classifier is saved, and what it is fitted on."""

    classifier: Savable | Literal["auto"]
    refit: bool

    def check_with(self, sections: SectionLookup) -> None:
        """Check that the classifier has not seen the test images, and that a saved model can compute its features."""
        if self.classifier == "spread" and sections.section(Split).unlabelled == "test":
            raise ValueError(
                "model.classifier must not be spread with split.unlabelled test, because no figures of spread are then "
                "for new images; set split.unlabelled rest or none, or another model.classifier"
            )
        used = sections.section(Svm).features
        if self.classifier == "svm" and "bands" in used:
            raise ValueError(
                f"model.classifier must not be svm with svm.features {used}, because a saved model takes RGB images "
                "and computes no statistics of bands; set svm.features [deep], or another model.classifier"
            )
        if self.classifier != "auto" and sections.section(Data).bands == "all":
            raise ValueError(
                f"model.classifier must be auto with data.bands all (found {self.classifier!r}), because a saved model "
                "takes RGB images; then no model is saved; set data.bands to three bands to save one"
            )
