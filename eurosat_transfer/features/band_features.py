"""The statistics of the bands of the selected tiles, as features."""

import numpy as np
from tqdm import tqdm

from eurosat_transfer.data.band_statistics import band_statistics, statistic_names
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.selection import Selection
from eurosat_transfer.io.npz import Arrays


def measure_bands(dataset: TileDataset, selection: Selection) -> Arrays:
    """Compute the statistics of the bands of every selected tile that has a label.

    Args:
        dataset: the data set.
        selection: its selected tiles.

    Returns:
        The arrays of data/bands.npz: those of data/features.npz without UNLABELLED, with X: float32, (n, statistics);
        and names, str, (statistics,).

    Raises:
        UserError: the data set is damaged.
    """
    names = statistic_names(dataset.band_names)
    X = {subset: np.empty((len(y), len(names)), np.float32) for subset, y in selection.labels.items()}
    bar = tqdm(desc="bands", total=selection.count(), unit="tile", mininterval=1, disable=None)
    with bar:
        for index, subset, row in selection.places():
            if subset in X:
                X[subset][row] = band_statistics(dataset.read_bands(index), dataset.band_names)
                bar.update()
    features = {f"X_{subset}": rows for subset, rows in X.items()}
    return features | selection.label_arrays() | {"names": np.array(names)}
