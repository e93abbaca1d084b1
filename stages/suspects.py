"""List the training images whose labels look wrong.

Reads   data/features.npz
Writes  metrics/suspects.json  tiles: number of training images that were judged; flagged: how many look
                               wrong; share: flagged / tiles; below: the limit of the probability of a
                               label; expected: how many would be flagged on average if all labels were
                               correct; expected_high: not more than these in 97.5 % of such cases;
                               noise: the estimated share of wrong labels
        plots/suspects.csv     rank, file, given, suggested, probability_given, probability_suggested,
                               margin (of the two probabilities), flagged; the most suspicious image first

The probabilities are cross-validated: each image is judged by a classifier that was not fitted on it,
nor on a copy of it. An image is flagged if the probability of its label is below 0.05. An image whose class
has no other image is not judged. With several folds, the training images are those of the first one.
"""

from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.suspects import FLAGGED_BELOW, find_suspects
from eurosat_transfer.pipeline.stage import run_stage

HEADER = (
    "rank", "file", "given", "suggested", "probability_given", "probability_suggested", "margin", "flagged",
)  # fmt: skip


def main() -> None:
    """Run the stage."""
    features = load_features()
    X, y = features.select("train")
    found = find_suspects(X, y, len(features.classes))
    count, flagged = len(found.rows), int(found.flagged.sum())
    write_json(
        "metrics/suspects.json",
        {
            "tiles": count,
            "flagged": flagged,
            "share": flagged / count if count else 0.0,
            "below": FLAGGED_BELOW,
            "expected": found.expected,
            "expected_high": found.expected_high,
            "noise": found.noise,
        },
    )
    names, classes = features.files["train"], features.classes
    columns = zip(*found[:6], strict=True)
    rows = (
        (rank, names[row], classes[given], classes[other], p, q, p - q, "yes" if is_flagged else "no")
        for rank, (row, given, other, p, q, is_flagged) in enumerate(columns, 1)
    )
    write_csv("plots/suspects.csv", HEADER, rows)
    if count < len(y):
        print(f"{len(y) - count} training images cannot be judged: no other image has their class")
    print(
        f"{flagged} of {count} training images look mislabelled; if all labels were correct, about "
        f"{found.expected:.1f} would (at most {found.expected_high} in 97.5 % of such cases)"
    )


if __name__ == "__main__":
    run_stage(main, __doc__)
