"""Sentences about the images of a run."""

from eurosat_transfer.reporting.data_set import describe_data

FOLD = {"train": 3, "val": 1, "test": 2}
NONE = {"images": 2000, "copies": 0, "contradictions": 0}


def test_nothing_is_said_of_a_single_split_without_copies():
    assert describe_data(NONE, "exclude", [FOLD]) == []


def test_folds_are_named():
    (sentence,) = describe_data(NONE, "exclude", [FOLD] * 3)
    assert sentence.startswith("This is a cross-validation with 3 folds: every test image is tested once")


def test_copies_and_contradictions_are_counted():
    copies, left_out = describe_data(NONE | {"copies": 12, "contradictions": 4}, "exclude", [FOLD])
    assert copies.startswith("12 of the 2,000 images of the data set are copies of other images")
    assert left_out.startswith("4 images have a copy with another label. They are left out")
    _, kept = describe_data(NONE | {"copies": 12, "contradictions": 4}, "keep", [FOLD])
    assert "They are used all the same (`split.contradictions=keep`)" in kept
    assert len(describe_data(NONE | {"copies": 12}, "exclude", [FOLD])) == 1


def test_missing_labels_are_counted_with_what_they_mean_for_the_accuracy():
    [sentence] = describe_data({"images": 1200, "copies": 0, "contradictions": 0, "unlabelled": 1100}, "exclude", [{}])
    assert "1,100 of the 1,200 images of the data set have no label." in sentence
    assert "the accuracy here is not that on all images" in sentence
