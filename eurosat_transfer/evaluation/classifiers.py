"""The classifiers that the pipeline compares, from the cheapest to the most expensive."""

# Name -> description for the report. The name is also that of the stage, of its section in params.yaml, and of its
# files in metrics/ and plots/. Everything that needs a list of classifiers takes it from here.
CLASSIFIERS = {
    "bands": "a support vector machine on statistics of the bands, without a network",
    "pixels": "a support vector machine on the raw pixels, without a network",
    "knn": "the nearest neighbours among the training images, by their features",
    "svm": "a support vector machine on the features",
    "probe": "one softmax layer on the features",
    "spread": "a linear classifier that also learns from images without labels",
    "finetune": "the network itself, trained further on the tiles",
}
