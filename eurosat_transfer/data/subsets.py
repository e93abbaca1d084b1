"""The names of the subsets of a data set."""

SUBSETS = ("train", "val", "test")
