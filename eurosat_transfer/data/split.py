"""The split of a data set into train, val and test, once or in several folds."""

import numpy as np

from eurosat_transfer.data.grouped_split import choose_val_places, divide_by_place
from eurosat_transfer.data.index import CONTRADICTIONS_FILE, DatasetIndex
from eurosat_transfer.data.parts import parts_by_class, parts_by_order
from eurosat_transfer.data.places import find_places
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.split import Split


def stratified_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order images so that each prefix and each suffix has about the class proportions of all of them.

    Args:
        labels: int, (n,).
        rng: draws the order inside each class.

    Returns:
        int64, (n,): a permutation of the positions.
    """
    shuffled = rng.permutation(len(labels))
    key = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels[shuffled] == label)
        key[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return shuffled[np.argsort(key, kind="stable")]


def split_dataset(index: DatasetIndex, params: Split) -> list[dict[str, np.ndarray]]:
    """Select the images of each subset, for every fold.

    The images are divided into as many parts as there are folds, and into two halves for a single fold. The first fold
    takes test from the last part, the second fold from the part before it, and so on. Train and val come from the other
    parts. Copies of an image are in one part, and are never divided between train and val.

    Each subset has about the class proportions of the part that it comes from. With the same seed, a larger subset
    contains the smaller one. Train is taken from the front of an order and val from its end, so that the size of train
    does not change val.

    With split.groups, no place has images in two subsets. Each subset has about the classes of its places.

    With split.unlabelled=rest, the images without labels are a further subset, UNLABELLED. With a single fold, so are
    those that are left over from train and val: what one of several folds leaves over, the others train and test on,
    with labels. UNLABELLED has no copies of other images with labels.

    Args:
        index: of the data set.
        params: sizes and rules.

    Returns:
        By fold: int64, sorted, disjoint places in the data set by subset: train, val and test, and UNLABELLED if there
        are such images. No image is in test twice.

    Raises:
        UserError: the parameters ask for more images or folds than there are, or leave a class without a training
            image.
    """
    kept = _keep(index, params)
    if not len(kept):
        raise UserError(
            f"no image is left: all {len(index.files)} have a copy with another label, see {CONTRADICTIONS_FILE}; "
            "correct the labels, or set split.contradictions=keep"
        )
    rng = np.random.default_rng(params.seed)
    places = None if params.groups is None else find_places(index, params.groups)
    labels, count = index.labels[kept], max(params.folds, 2)
    groups = (index.groups if places is None else places)[kept]
    if params.folds > (different := len(np.unique(groups))):
        what = "different images" if places is None else "places with labels"
        raise UserError(
            f"split.folds={params.folds} is too large; allowed: 1 to {different}, the {what}{_advise(index, params)}"
        )
    if different < 2 and places is not None:
        raise UserError(f"split.groups={params.groups}: all images with labels are of one place; needed: two or more")
    if places is not None:
        parts = divide_by_place(labels, groups, count, params.seed)
    elif params.by == "order":
        parts = parts_by_order(groups, count)
    else:
        parts = parts_by_class(labels, groups, count, rng)
    folds = []
    for fold in range(params.folds):
        tested = kept[parts[-1 - fold]]
        folds.append(_split_fold(index, params, fold, np.setdiff1d(kept, tested), tested, rng, places))
    return folds


def find_single_images(index: DatasetIndex, params: Split) -> list[str]:
    """Find the classes with fewer than two different images, which cannot be both trained and tested.

    Args:
        index: of the data set.
        params: whether images that contradict each other count.

    Returns:
        The names of the classes.
    """
    kept = _keep(index, params)
    pairs = np.unique(np.stack([index.labels[kept], index.groups[kept]]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(index.classes))
    return [name for name, count in zip(index.classes, counts, strict=True) if count < 2]


def _advise(index: DatasetIndex, params: Split) -> str:
    if not (names := find_single_images(index, params)):
        return ""
    return f"; fewer than two different images: {', '.join(names)}: add images of these classes, or remove the classes"


def _enlarge(params: Split) -> str:
    more = "label more images of these classes"
    return more if params.train == "all" else f"set a larger split.train or all, or {more}"


def _count_places(index: DatasetIndex, labels: list[int], places: np.ndarray | None) -> str:
    if places is None:
        return ""
    counts = ", ".join(f"{index.classes[of]} has {len(np.unique(places[index.labels == of]))}" for of in labels)
    return f"; with split.groups, a class needs places for train, val and test: {counts}"


def _keep(index: DatasetIndex, params: Split) -> np.ndarray:
    """Find the places of the images with labels that may be used."""
    known = index.labels >= 0
    return np.flatnonzero(known if params.contradictions == "keep" else known & ~index.contradicts)


def _split_fold(
    index: DatasetIndex,
    params: Split,
    fold: int,
    others: np.ndarray,
    tested: np.ndarray,
    rng: np.random.Generator,
    places: np.ndarray | None,
) -> dict[str, np.ndarray]:
    where = f" in fold {fold + 1} of {params.folds}" if params.folds > 1 else ""
    for_training = f"available for train and val{where}: {_describe(index, others)}"
    others, tested = _in_stratified_order(index, others, rng), _in_stratified_order(index, tested, rng)
    first = others[np.unique(index.labels[others], return_index=True)[1]]  # of each class, in case it has no other
    if places is None:
        spare = others[~np.isin(index.groups[others], index.groups[first])]
        val = spare[max(len(spare) - params.val, 0) :]
        free = others[~np.isin(index.groups[others], index.groups[val])]  # no copy of an image of val
    else:
        chosen = choose_val_places(index.labels[others], places[others], params.val, params.seed)
        spare = others[chosen]
        val = spare[max(len(spare) - params.val, 0) :]
        free = others[~np.isin(places[others], places[val])]
    train = len(free) if params.train == "all" else params.train
    if params.val > len(spare) or not 1 <= train <= len(free):
        raise UserError(
            f"split.train={params.train} and split.val={params.val} ask for too many images; {for_training}"
            f"{_advise(index, params)}"
        )
    test = len(tested) if params.test == "all" else len(range(fold, params.test, params.folds))
    if test > len(tested):
        found = f"split.test={params.test} asks for too many images"
        raise UserError(f"{found}; available for test{where}: {_describe(index, tested)}{_advise(index, params)}")
    known = index.labels[index.labels >= 0]
    if missing := np.setdiff1d(known, index.labels[free[:train]]).tolist():
        names = ", ".join(index.classes[label] for label in missing)
        raise UserError(
            f"split.train={params.train} leaves no training image of {names}{where}; {for_training}; {_enlarge(params)}"
            f"{_advise(index, params)}{_count_places(index, missing, places)}"
        )
    subsets = {"train": np.sort(free[:train]), "val": np.sort(val), "test": np.sort(tested[:test])}
    rest = free[train:][~np.isin(index.groups[free[train:]], index.groups[free[:train]])]
    unlabelled = np.flatnonzero(index.is_unlabelled)
    if params.folds == 1:
        unlabelled = np.concatenate([unlabelled, rest])
    if places is not None:  # spread and self-training would learn from the places that are tested
        seen = np.concatenate([val, tested]) if params.folds == 1 else np.flatnonzero(index.labels >= 0)
        unlabelled = unlabelled[~np.isin(places[unlabelled], places[seen])]
    if params.unlabelled == "rest" and len(unlabelled):
        subsets[UNLABELLED] = np.sort(unlabelled)
    return subsets


def _in_stratified_order(index: DatasetIndex, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order places like stratified_order, with copies next to each other."""
    first, group = np.unique(index.groups[places], return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[stratified_order(index.labels[first], rng)] = np.arange(len(first))
    return places[np.argsort(rank[group], kind="stable")]


def _describe(index: DatasetIndex, places: np.ndarray) -> str:
    counts = np.bincount(index.labels[places], minlength=len(index.classes))
    by_class = ", ".join(f"{name} {count}" for name, count in zip(index.classes, counts, strict=True))
    return f"{len(places)} images ({by_class})"
