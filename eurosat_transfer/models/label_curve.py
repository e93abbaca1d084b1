"""Label curves: SVM and probe on nested subsets of the training features, tested on the same images."""

import numpy as np
from tqdm import tqdm

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.probe import RATES, build_probe
from eurosat_transfer.models.svm import choose_penalty, fit_svm
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.tensorflow_setup import make_reproducible, tf, without_autotuning

STEPS_PER_EXECUTION = 10  # with one step at a time, Keras would spend most of the time between the steps


class ProbeTrainer:
    """Trains the same softmax layer on one subset after the other, and compiles it only once.

    A probe takes as many steps on a subset as on all training images, so that a small subset is not trained less.

    Attributes:
        model: float32, (n, d) -> probabilities, (n, classes).
    """

    def __init__(self, features: FeatureSet, params: Probe):
        """Build and compile the layer.

        Args:
            features: of all training images, whose number sets the number of steps.
            params: the parameters of the probe stage.
        """
        self._rates = RATES if params.lr == "auto" else (params.lr,)
        self._params = params
        self.model = build_probe(features.X["train"].shape[1], len(features.classes), self._rates[0])
        self.model.steps_per_execution = STEPS_PER_EXECUTION
        self._start = self.model.get_weights()
        self._steps = params.epochs * -(-len(features.y["train"]) // params.batch_size)

    def test_accuracy(self, features: FeatureSet) -> float:
        """Train on train, choose the learning rate on val if lr is auto, and measure the accuracy on test.

        Args:
            features: of train, val and test.

        Returns:
            Accuracy on test, 0 to 1.

        Raises:
            UserError: the weights become NaN or infinite.
        """
        trained = {rate: self._train(*features.select("train"), rate) for rate in self._rates}
        best = max(trained, key=lambda rate: _accuracy(trained[rate], *features.select("val")))
        return _accuracy(trained[best], *features.select("test"))

    def _train(self, X: np.ndarray, y: np.ndarray, rate: float) -> list[np.ndarray]:
        rows, labels = tf.constant(X), tf.constant(y)
        needed = self._steps * self._params.batch_size  # images of all steps, drawn in one permutation after the other
        rng = np.random.default_rng(self._params.seed)
        order = np.concatenate([rng.permutation(len(y)) for _ in range(-(-needed // len(y)))])[:needed]
        positions = tf.data.Dataset.from_tensor_slices(order.reshape(self._steps, -1))
        batches = positions.map(lambda batch: (tf.gather(rows, batch), tf.gather(labels, batch)))
        self.model.set_weights(self._start)
        self.model.optimizer.learning_rate.assign(rate)
        self.model.fit(without_autotuning(batches), verbose=0, shuffle=False)
        weights = self.model.get_weights()
        if not all(np.isfinite(weight).all() for weight in weights):
            raise UserError(
                f"probe.lr={rate:g} is too large: the training on {len(y)} images diverged; set a smaller learning rate"
            )
        return weights


def _accuracy(weights: list[np.ndarray], X: np.ndarray, y: np.ndarray) -> float:
    kernel, bias = weights
    return float(((X @ kernel + bias).argmax(axis=1) == y).mean())


def fit_label_curve(features: FeatureSet, labels: Labels, svm: Svm, probe: Probe) -> list[Fit]:
    """Fit an SVM and a probe on each random subset of the training images, and once on all of them.

    Args:
        features: the features of train, val and test.
        labels: the parameters of the labels stage: the sizes of the subsets, and the number of draws for each size.
        svm: the parameters of the svm stage.
        probe: the parameters of the probe stage.

    Returns:
        The fits, sorted by classifier, number of images and draw.

    Raises:
        UserError: the training of a probe diverges.
    """
    make_reproducible(probe.seed)
    trainer = ProbeTrainer(features, probe)
    y = features.y["train"]
    draws = [nested_label_subsets(y, labels.sizes, draw) for draw in range(labels.draws)]
    if len(draws[0]) == 0 or len(draws[0][-1]) < len(y):
        draws[0].append(np.arange(len(y)))  # only in the first draw, because it is the same in all of them
    fits = []
    with tqdm(total=sum(map(len, draws)), desc="labels", unit="subset", mininterval=1, disable=None) as bar:
        for draw, subsets in enumerate(draws):
            for positions in subsets:
                part = features.with_train_rows(positions)
                C = choose_penalty(part, svm.kernel) if svm.C == "auto" else svm.C
                accuracy = fit_svm(*part.select("train"), svm.kernel, C).score(*part.select("test"))
                fits.append(Fit("svm", len(positions), draw, float(accuracy)))
                fits.append(Fit("probe", len(positions), draw, trainer.test_accuracy(part)))
                bar.update()
    return sorted(fits)
