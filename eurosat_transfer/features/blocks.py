"""Features of several kinds, joined so that none of them dominates."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import BANDS_FILE, FEATURES_FILE, Block, FeatureSet, load_features

FILES = {"deep": FEATURES_FILE, "bands": BANDS_FILE}  # by the names that svm.features has
WITH_UNITS = ("bands",)


def load_blocks(names: Sequence[str]) -> FeatureSet:
    """Load features, and join them column by column.

    Args:
        names: of FILES, in the order of the columns.

    Returns:
        The features. They have blocks, see scale_blocks. Only the features of the network alone have none: they are
        used as they are.

    Raises:
        UserError: a file is missing or damaged, or the files are not of the same images.
    """
    first, *others = (load_features(FILES[name]) for name in names)
    if list(names) == ["deep"]:
        return first
    for name, other in zip(names[1:], others, strict=True):
        if not _has_same_rows(first, other):
            raise UserError(
                f"{FILES[name]} and {FILES[names[0]]} are not of the same images, so svm.features cannot join them; "
                "set svm.features to one of them"
            )
    parts = [first, *others]
    X = {subset: np.hstack([part.X[subset] for part in parts]) for subset in first.X if subset != UNLABELLED}
    files = {subset: of for subset, of in first.files.items() if subset in X}
    blocks = [Block(part.X["train"].shape[1], name in WITH_UNITS) for name, part in zip(names, parts, strict=True)]
    return FeatureSet(X, first.y, first.classes, files, first.other_folds, tuple(blocks))


def scale_blocks(features: FeatureSet) -> FeatureSet:
    """Give each block the same weight.

    A column with a unit of its own gets the standard deviation 1 on train. The columns of a network keep their
    proportions: with 640 labels of EuroSAT, a support vector machine on standardised deep features is less accurate by
    0.05. Then each block is divided by one number, so that the mean squared distance between two training images is
    the same in each. Otherwise a thousand deep features would hide a few dozen statistics.

    Args:
        features: with blocks, or without. Without them, the features stay as they are.
    """
    if not features.blocks:
        return features
    train = features.X["train"].astype(np.float64)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    ends = np.cumsum([block.width for block in features.blocks])
    factors = np.empty(len(mean))
    for block, end in zip(features.blocks, ends.tolist(), strict=True):
        columns = slice(end - block.width, end)
        spread = deviation[columns] if block.has_units else np.ones(block.width)
        # A column that is constant on train says nothing about the classes.
        of_block = np.divide(1, spread, out=np.zeros(block.width), where=spread > 0)
        length = np.sqrt(((deviation[columns] * of_block) ** 2).sum())
        factors[columns] = of_block / (length or 1.0)
    X = {subset: ((of - mean) * factors).astype(np.float32) for subset, of in features.X.items()}
    return dataclasses.replace(features, X=X, blocks=())


def _has_same_rows(one: FeatureSet, other: FeatureSet) -> bool:
    return (
        one.classes == other.classes
        and {subset: of for subset, of in one.files.items() if subset != UNLABELLED} == other.files
        and one.y.keys() == other.y.keys()
        and all(np.array_equal(y, other.y[subset]) for subset, y in one.y.items())
        and np.array_equal(one.other_folds, other.other_folds)
    )
