"""Reuse of the features that an earlier run wrote, such as a run whose results `dvc pull` has fetched."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from eurosat_transfer.data.folds import REST
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.io.npz import list_arrays, read_npz, stream_rows

SAMPLE = 32  # tiles of each subset whose features are compared

Compute = Callable[[list[int]], Iterable[tuple[int, np.ndarray]]]  # keys of tiles -> each key with its features


def reuse_features(path: Path, missing: Mapping[int, str], compute: Compute) -> Iterator[tuple[int, np.ndarray]]:
    """Read the features of tiles from the file of an earlier run, if this machine would compute the same bits.

    The last bits of features depend on the processor and on the libraries, which the file does not name. So features of
    some tiles are computed again here. If one bit differs, nothing is reused.

    Args:
        path: of data/features.npz of a run with the same tiles, network, code and preprocessing.
        missing: names of the tiles whose features are needed, by the key of the tile. A name that two tiles have is
            ignored.
        compute: computes the features of some of these tiles here.

    Yields:
        The key of a tile, and its features, float32, (d,). Tiles that the file does not have are left out.
    """
    times = Counter(missing.values())
    keys = {name: key for key, name in missing.items() if times[name] == 1}
    present = list_arrays(path)
    for subset in (*SUBSETS, REST, UNLABELLED):
        if f"X_{subset}" not in present:
            continue
        files = read_npz(path, f"files_{subset}")[0].tolist()
        rows = {row: keys[file] for row, file in enumerate(files) if file in keys}
        sample = set(list(rows)[:: len(rows) // SAMPLE + 1])
        earlier = {rows[row]: X for row, X in enumerate(stream_rows(path, f"X_{subset}")) if row in sample}
        if not all(np.array_equal(X, earlier[key]) for key, X in compute(list(earlier))):
            print("the features of the last run were computed on another kind of machine: they are computed again")
            return
        yield from ((rows[row], X) for row, X in enumerate(stream_rows(path, f"X_{subset}")) if row in rows)
