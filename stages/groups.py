"""Measure how much a random split overstates the accuracy, if it is known which images are of one place.

Reads   data/features.npz, data/split.csv
Writes  metrics/groups.json   the accuracy of an SVM with random splits and with splits by place;
                              {} without split.groups

The selected images of train, val and test are halved again, ten times at random and ten times by place.
Both kinds of halves have the same sizes.
"""

import numpy as np

from eurosat_transfer.data.split_file import read_places
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.place_leak import measure_leak
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.places import describe_leak


def main() -> None:
    """Run the stage."""
    places, found = read_places(), {}
    if places:
        features = load_features()
        X, y = features.select(*features.y)
        files = [file for subset in features.y for file in features.files[subset]]
        if all(file in places for file in files):  # features that were computed elsewhere have other names
            found = measure_leak(X, y, np.array([places[file] for file in files]))
    write_json("metrics/groups.json", found)
    print(*describe_leak(found))


if __name__ == "__main__":
    run_stage(main, __doc__)
