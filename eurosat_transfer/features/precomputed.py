"""Features that were computed elsewhere, read from an .npz file and checked before use."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
from sklearn.model_selection import train_test_split

from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.download import fetch_file
from eurosat_transfer.io.zip_safety import check_unpacked_size
from eurosat_transfer.parameters.extract import Extract

HOLD_OUT = 0.2  # share of train that becomes val if the file has no val
REQUIRED, OPTIONAL = ("X_train", "y_train", "X_test", "y_test"), ("X_val", "y_val")
WITHOUT_LABELS = f"X_{UNLABELLED}"
SHOWN_LABELS = 5  # in an error message

Arrays = dict[str, np.ndarray]


def fetch_features(params: Extract) -> tuple[Arrays, Arrays]:
    """Fetch the file that extract.features names, and read it.

    Args:
        params: features, a path or an address; sha256, the checksum of the file or None.

    Returns:
        The arrays of data/features.npz, as read_features returns them, and those of data/pixels.npz. The pixels have
        the same labels and classes, but X of shape (n, 0), uint8, because there are no images.

    Raises:
        UserError: the file is missing, cannot be downloaded, has another checksum, or read_features refuses it.
    """
    source = str(params.features)
    path = fetch_file(source, f"sha256:{params.sha256}" if params.sha256 else None, "extract.features")
    try:
        features = read_features(path)
    except UserError as error:
        raise UserError(f"extract.features: {source}: {error}") from None
    pixels = {f"X_{subset}": np.empty((len(features[f"y_{subset}"]), 0), np.uint8) for subset in SUBSETS}
    return features, {key: rows for key, rows in features.items() if not key.endswith(UNLABELLED)} | pixels


def read_features(path: Path) -> Arrays:
    """Read features, labels and class names from an .npz file.

    The file holds X_train, y_train, X_test and y_test. It may also hold X_val with y_val, classes, and X_unlabelled. If
    it has no X_val and y_val, a stratified fifth of the training rows becomes val. It is the same fifth on every run.

    A label is an integer, or a string: the name of its class. The name of an integer label is classes[label], or its
    digits if the file has no classes. The new labels number the classes of y_train in sorted order.

    Args:
        path: of the file. Each X holds numbers, (n, d). Each y holds integers, floats without a fraction, or strings
            in Unicode or UTF-8, (n,). classes holds strings, (c,).

    Returns:
        X_train, X_val and X_test: float32, (n, d). y_train, y_val and y_test: int64, (n,), labels below
        len(classes). files_train, files_val and files_test: str, (n,), like "train[7]", because the file has no names
        of images. classes: str, (classes,), names by label. X_unlabelled and files_unlabelled, if the file has
        X_unlabelled.

    Raises:
        UserError: the file is damaged or holds pickled objects, or its arrays are incomplete or do not fit each other.
            The message does not name the file.
    """
    arrays = _load(path)
    X = {key[2:]: _to_matrix(key, array) for key, array in arrays.items() if key.startswith("X_")}
    y = {key[2:]: _to_labels(key, array) for key, array in arrays.items() if key.startswith("y_")}
    for subset, rows in X.items():
        if subset in y and len(rows) != len(y[subset]):
            raise UserError(
                f"X_{subset} has {len(rows)} rows, but y_{subset} has {len(y[subset])} labels; allowed: one for a row"
            )
        if rows.shape[1] != X["train"].shape[1]:
            raise UserError(
                f"X_{subset} has {rows.shape[1]} columns; allowed: {X['train'].shape[1]}, as many as X_train has"
            )
    known = np.unique(y["train"])
    if len(known) < 2:
        raise UserError(f"y_train has only the label {known.tolist()[0]!r}; needed: two different labels or more")
    y = {subset: _renumber(subset, labels, known) for subset, labels in y.items()}
    names = _class_names(known, arrays.get("classes"))
    if "val" not in y:
        X, y = _hold_out(X, y)
    files = {subset: np.array([f"{subset}[{row}]" for row in range(len(rows))]) for subset, rows in X.items()}
    columns = (("X", X), ("y", y), ("files", files))
    return {f"{key}_{subset}": rows for key, part in columns for subset, rows in part.items()} | {"classes": names}


def _load(path: Path) -> Arrays:
    try:
        with ZipFile(path) as archive:
            check_unpacked_size(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in (*REQUIRED, *OPTIONAL, WITHOUT_LABELS, "classes") if key in file}
    except Exception:  # a damaged file can raise almost anything in NumPy's reader
        raise UserError("it is not a valid .npz file of numbers and strings; pickled objects are not allowed") from None
    needed = REQUIRED + (OPTIONAL if set(OPTIONAL) & set(arrays) else ())
    needed += (WITHOUT_LABELS,) if WITHOUT_LABELS in arrays else ()
    # NumPy returns a member that is not an array as bytes.
    if missing := [key for key in needed if not isinstance(arrays.get(key), np.ndarray)]:
        raise UserError(
            f"it lacks {', '.join(missing)}; needed: {', '.join(REQUIRED)}; allowed: {' with '.join(OPTIONAL)}, "
            f"classes, {WITHOUT_LABELS}"
        )
    return arrays


def _to_matrix(key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise UserError(f"{key} is {_describe(array)}; allowed: numbers of shape (rows, columns), one or more of each")
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are refused
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise UserError(f"{key} has values that are NaN or too large; allowed: finite numbers in the range of float32")
    return array


def _to_labels(key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 1 or array.dtype.kind not in "biufUS":
        raise UserError(f"{key} is {_describe(array)}; allowed: integers or strings of shape (rows,)")
    if array.dtype.kind in "US":
        return _to_text(key, array)
    with np.errstate(invalid="ignore"):  # NaN becomes some integer, and is refused
        integers = array.astype(np.int64)
    if not (integers == array).all():
        raise UserError(f"{key} has the label {array[integers != array][0]}; allowed: integers or strings")
    return integers


def _to_text(key: str, array: np.ndarray) -> np.ndarray:
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError:
        raise UserError(f"{key} has text that is not UTF-8; allowed: Unicode strings, or bytes in UTF-8") from None


def _renumber(subset: str, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace labels by their positions among the labels of train."""
    if unknown := sorted(set(labels.tolist()) - set(known.tolist())):
        shown = ", ".join(map(repr, unknown[:SHOWN_LABELS]))
        raise UserError(f"y_{subset} has labels that y_train does not have: {shown}; allowed: the labels of y_train")
    return np.searchsorted(known, labels)


def _class_names(known: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Find the names of the labels of train."""
    if known.dtype.kind == "U" or classes is None:
        return known.astype(str)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or classes.dtype.kind not in "US":
        found = _describe(classes) if isinstance(classes, np.ndarray) else "not an array"
        raise UserError(f"classes is {found}; allowed: strings of shape (classes,)")
    if known[0] < 0 or known[-1] >= len(classes):
        raise UserError(
            f"classes has {len(classes)} names, but y_train has labels from {known[0]} to {known[-1]}; "
            f"allowed: labels from 0 to {len(classes) - 1}"
        )
    names = _to_text("classes", classes)[known]
    unique, counts = np.unique(names, return_counts=True)
    if counts.max() > 1:
        raise UserError(f"classes has the name {unique[counts.argmax()].item()!r} twice; allowed: different names")
    return names


def _hold_out(X: Arrays, y: Arrays) -> tuple[Arrays, Arrays]:
    """Make a stratified fifth of train val."""
    positions = np.arange(len(y["train"]))
    try:
        parts = train_test_split(positions, test_size=HOLD_OUT, stratify=y["train"], random_state=0)
    except ValueError as error:
        raise UserError(
            f"it lacks X_val, y_val, and train is too small to hold out a stratified fifth ({error}); "
            "add X_val and y_val, or more training rows"
        ) from None
    train, val = map(np.sort, parts)
    print(f"the file has no X_val, y_val: a stratified fifth of train, {len(val)} of {len(positions)} rows, is val")
    return (
        X | {"train": X["train"][train], "val": X["train"][val]},
        y | {"train": y["train"][train], "val": y["train"][val]},
    )


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"
