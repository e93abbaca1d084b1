"""How much do labels buy? SVM and probe on ever larger parts of the training features, the same test images.

Reads   data/features.npz
Writes  plots/labels.csv    classifier, images, draw, accuracy; one row a fit
        metrics/labels.json of each classifier and number of images: mean and sd (over the draws) of the test accuracy
        plots/labels.png

Each draw takes the first n images of every class in an order of its own, so that the larger part contains the smaller
one; all of them are fitted once. The probe takes as many steps on a part as it takes on all: a small part is not
trained less.
"""

from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from stages.common.features import Features, load_features
from stages.common.files import whole, write_csv, write_json
from stages.common.linear_probe import RATES, build_probe
from stages.common.params import Params, Probe, load_params
from stages.common.parts import nested_parts
from stages.common.stage import UserError, run_stage
from stages.common.svc import choose_penalty, fit_svm
from stages.common.tensorflow import reproducible, tf, untuned

TOGETHER = 10  # steps of the probe that TensorFlow takes at a time; one at a time, most of the time is not training


def part_of(features: Features, positions: np.ndarray) -> Features:
    """The same features with these of the training images only."""
    X, y = features.of("train")
    return features._replace(X=features.X | {"train": X[positions]}, y=features.y | {"train": y[positions]})


class ProbeTrainer:
    """Trains the same layer again and again, compiled once."""

    def __init__(self, features: Features, params: Probe):
        rates = RATES if params.lr == "auto" else (params.lr,)
        self.model = build_probe(features.X["train"].shape[1], len(features.classes), rates[0])
        self.model.steps_per_execution = TOGETHER
        self.start, self.rates, self.params = self.model.get_weights(), rates, params
        self.steps = params.epochs * -(-len(features.y["train"]) // params.batch_size)

    def test_accuracy(self, part: Features) -> float:
        """Train on a part, at the rate that does best on val where there is a choice, and test."""
        trained = {rate: self._train(part.of("train"), rate) for rate in self.rates}
        best = max(trained, key=lambda rate: self._accuracy(trained[rate], *part.of("val")))
        return self._accuracy(trained[best], *part.of("test"))

    def _train(self, part: tuple[np.ndarray, np.ndarray], rate: float) -> list[np.ndarray]:
        X, y = map(tf.constant, part)
        needed = self.steps * self.params.batch_size
        rng = np.random.default_rng(self.params.seed)
        order = np.concatenate([rng.permutation(len(y)) for _ in range(-(-needed // len(y)))])[:needed]
        batches = tf.data.Dataset.from_tensor_slices(order.reshape(self.steps, -1))
        self.model.set_weights(self.start)
        self.model.optimizer.learning_rate.assign(rate)
        batches = untuned(batches.map(lambda places: (tf.gather(X, places), tf.gather(y, places))))
        self.model.fit(batches, verbose=0, shuffle=False)
        weights = self.model.get_weights()
        if not all(np.isfinite(weight).all() for weight in weights):
            raise UserError(f"probe.lr: training on {len(y)} images diverged; a smaller rate than {rate:g} would help")
        return weights

    def _accuracy(self, weights: list[np.ndarray], X: np.ndarray, y: np.ndarray) -> float:
        kernel, bias = weights
        return float(((X @ kernel + bias).argmax(axis=1) == y).mean())


def learn(features: Features, params: Params) -> list[tuple[str, int, int, float]]:
    """Fit both classifiers on every part of every draw.

    Returns:
        (classifier, images, draw, test accuracy) of each fit, by classifier and images.
    """
    trainer = ProbeTrainer(features, params.probe)
    y = features.y["train"]
    draws = [nested_parts(y, params.labels.sizes, draw) for draw in range(params.labels.draws)]
    if len(draws[0]) == 0 or len(draws[0][-1]) < len(y):
        draws[0].append(np.arange(len(y)))  # all of them are the same in every draw
    rows = []
    with tqdm(total=sum(map(len, draws)), desc="labels", unit="part", mininterval=1, disable=None) as bar:
        for draw, parts in enumerate(draws):
            for positions in parts:
                part = part_of(features, positions)
                C = choose_penalty(part, params.svm.kernel) if params.svm.C == "auto" else params.svm.C
                accuracy = fit_svm(*part.of("train"), params.svm.kernel, C).score(*part.of("test"))
                rows.append(("svm", len(positions), draw, float(accuracy)))
                rows.append(("probe", len(positions), draw, trainer.test_accuracy(part)))
                bar.update()
    return sorted(rows)


def summarise(rows: list[tuple[str, int, int, float]]) -> dict[str, list[dict[str, float]]]:
    """Mean and standard deviation (of a sample; 0 for a single draw) by classifier and number of images."""
    summary: dict[str, list] = {}
    for (name, images), fits in groupby(rows, key=lambda row: row[:2]):
        accuracy = np.array([row[3] for row in fits])
        sd = float(accuracy.std(ddof=1)) if len(accuracy) > 1 else 0.0
        summary.setdefault(name, []).append({"images": images, "mean": float(accuracy.mean()), "sd": sd})
    return summary


def draw(summary: dict[str, list[dict[str, float]]]) -> plt.Figure:
    """Draw the curves with one standard deviation to either side."""
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, points in summary.items():
        images, mean, sd = (np.array([point[key] for point in points]) for key in ("images", "mean", "sd"))
        axis.plot(images, mean, marker=".", label=name)
        axis.fill_between(images, mean - sd, mean + sd, alpha=0.2)
    axis.set(xscale="log", xlabel="labelled training images", ylabel="test accuracy")
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def main() -> None:
    params = load_params()
    reproducible(params.probe.seed)
    rows = learn(load_features(), params)
    summary = summarise(rows)
    write_csv("plots/labels.csv", ("classifier", "images", "draw", "accuracy"), rows)
    write_json("metrics/labels.json", summary)
    with whole("plots/labels.png") as part:
        draw(summary).savefig(part, dpi=110, format="png")
    for name, points in summary.items():
        print(name, *(f"{point['images']}: {point['mean']:.3f} ± {point['sd']:.3f}" for point in points), sep="  ")


if __name__ == "__main__":
    run_stage(main, __doc__)
