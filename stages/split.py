"""Select the images of train, val and test.

Reads   data/index.csv
Writes  data/split.csv   index, file, label, class, subset; one row per selected image, in the order
                         of the data set

By default every class is halved at random: one half is for train and val, the other one for test. With
split.by=order the halves are those of the data set, which is the lab's rule. Each subset has the class
proportions of its half. With the same seed, a larger subset contains the smaller one. Copies of an
image, which have the same group in data/index.csv, are in one subset. With split.unlabelled=rest,
images without labels and what is left of the half of train and val are the subset `unlabelled`. Its
rows have no label.

With split.groups, no place has images in two subsets, and there is a further column, place.

With split.folds=5 the data set is divided into five parts. Each part is the test part of one fold, and
the other parts are for train and val. There is a further column for each further fold, subset_2 and so
on. Every classifier is trained once per fold, and its predictions are pooled. The subset `unlabelled`
then has images without labels only, and is the same in every fold.
"""

from eurosat_transfer.data.index import read_index
from eurosat_transfer.data.places import find_places
from eurosat_transfer.data.split import find_single_images, split_dataset
from eurosat_transfer.data.split_file import write_split
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    index, params = read_index(), load_section(Split)
    folds = split_dataset(index, params)
    write_split(index, folds, places=None if params.groups is None else find_places(index, params.groups))
    for number, fold in enumerate(folds, 1):
        counts = ", ".join(f"{len(positions)} {subset}" for subset, positions in fold.items())
        print(f"fold {number}: " * (len(folds) > 1) + f"{counts} of {len(index.files)} images")
    if params.unlabelled == "rest" and params.folds > 1 and UNLABELLED not in folds[0]:
        print(
            f"split.unlabelled=rest has no effect with split.folds={params.folds}: what one fold leaves over, other "
            "folds use with labels"
        )
    if params.contradictions == "exclude" and (left_out := index.count()["contradictions"]):
        print(f"{left_out} images are left out, because they have a copy with another label")
    if names := find_single_images(index, params):
        print(
            f"classes with fewer than two different images: {', '.join(names)}; they cannot be both trained and "
            "tested: add images, or remove these classes"
        )


if __name__ == "__main__":
    run_stage(main, __doc__)
