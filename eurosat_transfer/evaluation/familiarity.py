"""The distance of an image from the training images, in features and in colours.

A network for natural images gives smooth pictures similar features, whatever their colour: Mahalanobis distances and
nearest neighbours of features flag less than half of all crops of a blurred photograph. Colours alone do not notice a
tile whose pixels are shuffled. So the distance is the larger one of both (docs/sure.md has the figures).
"""

import math
from typing import NamedTuple

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError

LIMIT = 1.0  # an image with a larger distance is unfamiliar
FAMILIAR = 0.95  # share of the training images whose own distance, from all others, is within the limit
SMALLEST_SHRINKAGE = 1e-6  # keeps the covariance invertible


class Gaussian(NamedTuple):
    """A normal distribution, as what turns rows into rows whose length is their Mahalanobis distance.

    Attributes:
        mean: float32, (d,).
        whitening: float32, (d, d).
    """

    mean: np.ndarray
    whitening: np.ndarray

    def distance(self, X: np.ndarray) -> np.ndarray:
        """Compute the length of (X - mean) @ whitening.

        Args:
            X: numbers, (n, d).

        Returns:
            float64, (n,).
        """
        with threadpool_limits(1):  # the number of threads would decide the last bits
            return np.linalg.norm((np.asarray(X, np.float64) - self.mean) @ self.whitening.astype(np.float64), axis=1)

    def scaled(self, factor: float) -> "Gaussian":
        """Return the same distribution with all distances multiplied by a factor."""
        return Gaussian(self.mean, (self.whitening * factor).astype(np.float32))


class Familiarity(NamedTuple):
    """What the training images look like.

    Attributes:
        features: of the features of the training images. Distances are scaled so that LIMIT is the limit.
        colours: of their colour statistics, with the same scale.
    """

    features: Gaussian
    colours: Gaussian

    def distance(self, features: np.ndarray, colours: np.ndarray) -> np.ndarray:
        """Compute how far images are from the training images: the larger one of both distances.

        Args:
            features: numbers, (n, d).
            colours: numbers, (n, 6), from colour_statistics.

        Returns:
            float64, (n,). An image is unfamiliar if its distance is above LIMIT.
        """
        return np.maximum(self.features.distance(features), self.colours.distance(colours))


def fit_familiarity(features: np.ndarray, colours: np.ndarray) -> Familiarity:
    """Fit the distance, and its limit, to training images.

    The limit is the 95 % quantile of the training images' own distances. For its own distance, an image is left out of
    mean and covariance. Features and colours count equally: first, each is divided by such a quantile of its own.

    The network may be fine-tuned on the same images. Leaving an image out does not undo that, so a little more than 5 %
    of new images are then unfamiliar.

    Args:
        features: numbers, (n, d), n of 2 or more.
        colours: numbers, (n, 6), of the same images, from colour_statistics.

    Returns:
        The fitted distance.

    Raises:
        UserError: there is one image only.
    """
    parts = []
    for X in (features, colours):
        gaussian, distances = fit_gaussian(X)
        scale = 1 / (_quantile(distances) or 1.0)  # all distances are 0 if all rows are equal
        parts.append((gaussian.scaled(scale), distances * scale))
    (of_features, first), (of_colours, second) = parts
    scale = 1 / (_quantile(np.maximum(first, second)) or 1.0)
    return Familiarity(of_features.scaled(scale), of_colours.scaled(scale))


def fit_gaussian(X: np.ndarray) -> tuple[Gaussian, np.ndarray]:
    """Fit a normal distribution, with a covariance that is shrunk towards a multiple of the identity matrix.

    Args:
        X: numbers, (n, d), n of 2 or more.

    Returns:
        The distribution, and the distance of each row from the distribution of all other rows: float64, (n,). The other
        rows have a mean and a covariance of their own, but the same shrinkage.

    Raises:
        UserError: there is one row only.

    Source:
        Ledoit and Wolf, 2004, A well-conditioned estimator for large-dimensional covariance matrices. Sherman and
        Morrison, 1950, for the inverse without one row.
    """
    n = len(X)
    if n < 2:
        raise UserError(f"a distance from {n} training image is not possible; allowed: 2 or more; increase split.train")
    X = np.asarray(X, np.float64)
    mean = X.mean(axis=0)
    rows = X - mean
    with threadpool_limits(1):
        shrinkage = ledoit_wolf_shrinkage(rows, assume_centered=True)
        scatter = rows.T @ rows
        variance = np.trace(scatter) / rows.size or 1.0
        values, vectors = np.linalg.eigh(scatter)
        values = np.maximum(values, 0)  # rounding makes some slightly negative
        ridge = max(shrinkage, SMALLEST_SHRINKAGE) * variance
        # Symmetric, so that it does not depend on the signs of the eigenvectors, which differ between libraries.
        whitening = (vectors / np.sqrt(ridge + (1 - shrinkage) / n * values)) @ vectors.T
        projected = (rows @ vectors) ** 2
        squared = projected @ (1 / (ridge + (1 - shrinkage) / (n - 1) * values))
    # Without a row z, the scatter is smaller by n / (n - 1) * z z', and z is n / (n - 1) times as far from the mean.
    weight = (1 - shrinkage) * n / (n - 1) ** 2
    distances = n / (n - 1) * np.sqrt(squared / (1 - weight * squared))
    return Gaussian(mean.astype(np.float32), whitening.astype(np.float32)), distances


def _quantile(distances: np.ndarray) -> float:
    """Find the distance that a share FAMILIAR of new images of the same kind is within."""
    rank = min(math.ceil((len(distances) + 1) * FAMILIAR), len(distances))
    return float(np.sort(distances)[rank - 1])
