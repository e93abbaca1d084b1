"""Choose the images: train and val from the first half of the data set, test from the second.

Reads   data/index.csv
Writes  data/split.csv   index, file, label, class, subset; one row an image, in the data set's order

The lab's rule, with val carved out of the train half. Each subset has the classes in the proportions of its half, and a
larger one contains the smaller ones of the same seed.
"""

import numpy as np

from stages.common.files import read_csv, write_csv
from stages.common.params import Split, load_params
from stages.common.stage import UserError, run_stage


def stratified_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order images so that every prefix, and every suffix, has about the proportions of the whole.

    Args:
        labels: int, (n,).

    Returns:
        positions: int64, (n,), a permutation.
    """
    shuffled = rng.permutation(len(labels))
    key = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels[shuffled] == label)
        key[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return shuffled[np.argsort(key, kind="stable")]


def choose(labels: np.ndarray, params: Split, classes: list[str]) -> dict[str, np.ndarray]:
    """Choose the positions of each subset.

    Args:
        labels: int, (n,), in the data set's order.
        classes: their names.

    Returns:
        {"train", "val", "test"}: int64, sorted, disjoint.

    Raises:
        UserError: more images are asked for than there are, or a class would have no training image.
    """
    half = len(labels) // 2
    rng = np.random.default_rng(params.seed)
    first = stratified_order(labels[:half], rng)
    second = half + stratified_order(labels[half:], rng)
    train = len(first) - params.val if params.train == "all" else params.train
    test = len(second) if params.test == "all" else params.test
    if train < 1 or train + params.val > len(first):
        what = f"split.train ({params.train}) and split.val ({params.val})"
        raise UserError(_too_many(what, "first", labels[:half], classes))
    if test > len(second):
        raise UserError(_too_many(f"split.test ({test})", "second", labels[half:], classes))
    missing = [classes[c] for c in np.setdiff1d(labels, labels[first[:train]])]
    if missing:
        what = f"split.train ({train}) leaves no training image of {', '.join(missing)}"
        raise UserError(_too_many(what, "first", labels[:half], classes))
    return {
        "train": np.sort(first[:train]),
        "val": np.sort(first[len(first) - params.val :]),
        "test": np.sort(second[:test]),
    }


def _too_many(asked: str, half: str, labels: np.ndarray, classes: list[str]) -> str:
    counts = np.bincount(labels, minlength=len(classes))
    by_class = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
    return f"{asked}: the {half} half of the data set has {len(labels)} images ({by_class})"


def main() -> None:
    params = load_params().split
    index = read_csv("data/index.csv")
    labels = np.array([int(row["label"]) for row in index])
    names = dict(sorted((int(row["label"]), row["class"]) for row in index))
    subsets = choose(labels, params, list(names.values()))
    chosen = sorted((int(i), subset) for subset, positions in subsets.items() for i in positions)
    write_csv(
        "data/split.csv",
        ("index", "file", "label", "class", "subset"),
        ((i, index[i]["file"], index[i]["label"], index[i]["class"], subset) for i, subset in chosen),
    )
    print(", ".join(f"{len(positions)} {subset}" for subset, positions in subsets.items()), f"of {len(index)} images")


if __name__ == "__main__":
    run_stage(main, __doc__)
