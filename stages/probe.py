"""A linear probe: one Dense softmax layer, trained by SGD on the deep features.

Reads   data/features.npz
Writes  metrics/probe.json, plots/probe_predictions.csv, plots/probe_classes.csv, plots/probe_history.csv
"""

from stages.common.evaluation import report
from stages.common.features import Features, load_features
from stages.common.params import Probe, load_params
from stages.common.stage import run_stage
from stages.common.tensorflow import keras, progress, reproducible
from stages.common.training import write_history


def fit(features: Features, params: Probe) -> tuple[keras.Model, keras.callbacks.History]:
    """Train the layer on the training features, watching val."""
    model = keras.Sequential(
        [
            keras.Input(features.X["train"].shape[1:]),
            keras.layers.Dense(len(features.classes), activation="softmax", name="label"),
        ]
    )
    model.compile(keras.optimizers.SGD(params.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        features.X["train"],
        features.y["train"],
        batch_size=params.batch_size,
        epochs=params.epochs,
        validation_data=(features.X["val"], features.y["val"]),
        verbose=progress(),
    )
    return model, history


def main() -> None:
    params = load_params().probe
    reproducible(params.seed)
    features = load_features()
    model, history = fit(features, params)
    write_history("plots/probe_history.csv", history)
    predicted = {s: model.predict(features.X[s], verbose=0).argmax(axis=1) for s in ("val", "test")}
    report("probe", features.classes, **{s: (features.y[s], predicted[s]) for s in predicted})


if __name__ == "__main__":
    run_stage(main, __doc__)
