"""Names that more than one stage goes by."""

SUBSETS = ("train", "val", "test")
CLASSIFIERS = ("pixels", "knn", "svm", "probe", "finetune")  # from the plainest to the costliest
