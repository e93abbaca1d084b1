"""Deep features that somebody else has computed, in an .npz, checked before use."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
from sklearn.model_selection import train_test_split

from stages.common.files import check_packing
from stages.common.stage import UserError

VAL = 0.2  # share of train that becomes val where the file has none
REQUIRED, VALIDATION = ("X_train", "y_train", "X_test", "y_test"), ("X_val", "y_val")


def read_features(path: Path) -> dict[str, np.ndarray]:
    """Read an .npz with X_train y_train X_test y_test, and where it has them X_val y_val classes.

    X: numbers, (n, d). y: (n,), integers (floats if whole) or strings. A string label is its class' name; an integer is
    a place in classes, or where there is none its own digits are the name. Without X_val, y_val a stratified fifth of
    train, the same on every run, is val instead.

    Returns:
        X_train y_train X_val y_val X_test y_test: float32, (n, d), and int64, (n,), below len(classes).
        classes: str, the names of train's classes, by label.

    Raises:
        UserError: no such file, a pickle in it, or arrays that do not fit each other.
    """
    arrays = _load(path)
    X = {key[2:]: _matrix(key, array) for key, array in arrays.items() if key[0] == "X"}
    y = {key[2:]: _labels(key, array) for key, array in arrays.items() if key[0] == "y"}
    for subset, rows in X.items():
        if len(rows) != len(y[subset]):
            raise UserError(f"X_{subset} has {len(rows)} rows and y_{subset} {len(y[subset])}")
        if rows.shape[1] != X["train"].shape[1]:
            raise UserError(f"X_{subset} has {rows.shape[1]} features and X_train {X['train'].shape[1]}")
    known = np.unique(y["train"])
    if len(known) < 2:
        raise UserError(f"y_train has one class only, {known[0]}")
    for subset, labels in y.items():
        strange = sorted(set(labels.tolist()) - set(known.tolist()))
        if strange:
            raise UserError(f"y_{subset} has labels that y_train has not: {', '.join(map(repr, strange[:5]))}")
        y[subset] = np.searchsorted(known, labels)
    if "val" not in y:
        X, y = _hold_out(X, y)
    found = {f"{key}_{subset}": of[subset] for subset in ("train", "val", "test") for key, of in (("X", X), ("y", y))}
    return found | {"classes": _names(known, arrays.get("classes"))}


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with ZipFile(path) as archive:
            check_packing(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in (*REQUIRED, *VALIDATION, "classes") if key in file}
    except Exception:  # a file from outside may break NumPy's reader anywhere, which then recommends to trust it
        raise UserError("no .npz of plain arrays, or a damaged one; a pickle is not read") from None
    needed = REQUIRED + (VALIDATION if set(VALIDATION) & set(arrays) else ())
    missing = [key for key in needed if not isinstance(arrays.get(key), np.ndarray)]
    if missing:
        raise UserError(f"it lacks {', '.join(missing)}")
    return arrays


def _matrix(key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise UserError(f"{key} must be numbers, (rows, features), some of each; it is {array.dtype}, {array.shape}")
    with np.errstate(over="ignore"):  # too large for float32: no finite number
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise UserError(f"{key} has values that are no finite numbers")
    return array


def _labels(key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 1 or array.dtype.kind not in "biufUS":
        raise UserError(f"{key} must be integers or strings, (rows,); it is {array.dtype}, {array.shape}")
    if array.dtype.kind in "US":
        return _text(key, array)
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    if not (whole == array).all():
        raise UserError(f"{key} must be whole numbers; not all are")
    return whole


def _text(key: str, array: np.ndarray) -> np.ndarray:
    try:
        return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError:
        raise UserError(f"{key} must be text in UTF-8") from None


def _names(known: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    if known.dtype.kind == "U" or classes is None:
        return known.astype(str)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or classes.dtype.kind not in "US":
        raise UserError("classes must be strings, (classes,)")
    if known[0] < 0 or known[-1] >= len(classes):
        raise UserError(f"classes has {len(classes)} names for labels from {known[0]} to {known[-1]}")
    names = _text("classes", classes)[known]
    if len(set(names.tolist())) < len(names):
        raise UserError("classes has a name twice")
    return names


def _hold_out(X: dict[str, np.ndarray], y: dict[str, np.ndarray]) -> tuple[dict, dict]:
    try:
        places = train_test_split(np.arange(len(y["train"])), test_size=VAL, stratify=y["train"], random_state=0)
    except ValueError as error:
        raise UserError(f"no X_val, y_val in it, and train is too small to hold a fifth out ({error})") from None
    train, val = map(np.sort, places)
    print(f"no X_val, y_val in it: {len(val)} of its {len(y['train'])} training rows, a stratified fifth, are val")
    return tuple(of | {"train": of["train"][train], "val": of["train"][val]} for of in (X, y))
