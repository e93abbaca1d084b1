"""Names that more than one stage goes by."""

CLASSIFIERS = ("pixels", "knn", "svm", "probe", "finetune")  # from the plainest to the costliest
