"""The section `model`: the classifier that the model stage saves."""

from typing import Literal

from eurosat_transfer.parameters.section import Section

Savable = Literal["knn", "svm", "probe", "finetune"]
"""The classifiers that can be saved: those with a network, and with a head in eurosat_transfer.models.heads."""


class Model(Section):
    """Which classifier is saved, and what it is fitted on."""

    classifier: Savable | Literal["auto"]
    refit: bool
