"""The names of the subsets of a data set."""

SUBSETS = ("train", "val", "test")

# Tiles without labels, which a classifier may learn from. They have no label in any file after data/index.csv.
UNLABELLED = "unlabelled"
