"""Select the images: train and val from the first half of the data set, test from the second half.

Reads   data/index.csv
Writes  data/split.csv   index, file, label, class, subset; one row per selected image, in the order
                         of the data set

This is the lab's rule, with val taken from the train half. Each subset has the class proportions of
its half. With the same seed, a larger subset contains the smaller one.
"""

from eurosat_transfer.data.index import read_index
from eurosat_transfer.data.split import split_dataset
from eurosat_transfer.data.split_file import write_split
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    index = read_index()
    subsets = split_dataset(index.labels, load_section(Split), index.classes)
    write_split(index, subsets)
    counts = ", ".join(f"{len(positions)} {subset}" for subset, positions in subsets.items())
    print(f"{counts} of {len(index.files)} images")


if __name__ == "__main__":
    run_stage(main, __doc__)
