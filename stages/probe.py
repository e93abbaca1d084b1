"""A linear probe: one Dense softmax layer, trained by SGD on the deep features.

Reads   data/features.npz
Writes  metrics/probe.json, plots/probe_predictions.csv, plots/probe_classes.csv, plots/probe_history.csv

lr: auto is chosen on val; the layer that is tested is then trained on train and val together.
"""

import numpy as np

from stages.common.evaluation import most_probable, report
from stages.common.features import load_features
from stages.common.linear_probe import RATES, build_probe
from stages.common.params import Probe, load_params
from stages.common.stage import run_stage
from stages.common.tensorflow import keras, progress, reproducible
from stages.common.training import write_history


def fit(
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray] | None,
    classes: int,
    lr: float,
    params: Probe,
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train the layer on (X, y), the same bits whatever was trained before, watching val where there is one."""
    reproducible(params.seed)
    model = build_probe(train[0].shape[1], classes, lr)
    history = model.fit(
        *train, batch_size=params.batch_size, epochs=params.epochs, validation_data=val, verbose=progress()
    )
    return model, history


def main() -> None:
    params = load_params().probe
    features = load_features()
    train, val, classes = features.of("train"), features.of("val"), len(features.classes)
    auto = params.lr == "auto"
    fits = {lr: fit(train, val, classes, lr, params) for lr in (RATES if auto else (params.lr,))}
    lr = max(fits, key=lambda rate: fits[rate][1].history["val_accuracy"][-1])
    model, history = fits[lr]
    write_history("plots/probe_history.csv", history)
    said_of_val = most_probable(val[1], model.predict(val[0], verbose=0))
    if auto:
        model, _ = fit(features.of("train", "val"), None, classes, lr, params)
    said_of_test = most_probable(features.y["test"], model.predict(features.X["test"], verbose=0))
    report("probe", features.classes, said_of_val, said_of_test, {"lr": lr} if auto else None)


if __name__ == "__main__":
    run_stage(main, __doc__)
