"""The section `model`: the classifier that the model stage saves."""

from typing import Literal

from eurosat_transfer.parameters.section import Section


class Model(Section):
    """Which classifier is saved, and what it is fitted on."""

    classifier: Literal["auto", "knn", "svm", "probe", "finetune"]
    refit: bool
