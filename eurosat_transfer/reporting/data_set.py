"""Sentences about the images of a run."""

from collections.abc import Mapping, Sequence

FIRST_FOLD_ONLY = "The label curve is of the first fold only, so it is not compared with the pooled accuracy."


def describe_data(counts: Mapping[str, int], contradictions: str, folds: Sequence[Mapping[str, int]]) -> list[str]:
    """Say what a reader must know of the images: folds, missing labels, copies and contradictions.

    Args:
        counts: of all images of the data set: images, copies, contradictions and perhaps unlabelled, as in
            metrics/data.json.
        contradictions: exclude or keep, the value of split.contradictions.
        folds: number of images in each subset of each fold. A single split is one fold.

    Returns:
        Sentences. There are none for a single split of labelled images without copies.
    """
    sentences = []
    if len(folds) > 1:
        sentences.append(
            f"This is a cross-validation with {len(folds)} folds: every test image is tested once, by classifiers that "
            "were trained without it. The numbers for training and validation are those of the first fold."
        )
    if counts.get("unlabelled"):
        sentences.append(
            f"{counts['unlabelled']:,} of the {counts['images']:,} images of the data set have no label. If the others "
            "were chosen to be labelled, and not drawn at random, the accuracy here is not that on all images: chosen "
            "tiles can be easier or harder."
        )
    if counts["copies"]:
        sentences.append(
            f"{counts['copies']:,} of the {counts['images']:,} images of the data set are copies of other images (the "
            "same pixels). Copies are never divided between training and test."
        )
    if counts["contradictions"]:
        verb = "are left out" if contradictions == "exclude" else "are used all the same"
        sentences.append(
            f"{counts['contradictions']:,} images have a copy with another label. They {verb} "
            f"(`split.contradictions={contradictions}`); data/contradictions.csv lists them."
        )
    return sentences
