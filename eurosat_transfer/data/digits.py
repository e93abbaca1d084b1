"""Data sets of handwritten digits, for the stage that shows activations."""

from typing import NamedTuple

import numpy as np
import requests
from sklearn.datasets import load_digits as load_sklearn_digits
from sklearn.model_selection import train_test_split

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.certificates import describe_failed_download

ANSWER_SECONDS = 30
TEST_SHARE = 0.2  # of scikit-learn's digits; MNIST has a test set of its own


class Digits(NamedTuple):
    """Images of digits.

    Attributes:
        X_train, X_test: float32, (n, side, side, 1), 0 to 1.
        y_train, y_test: int64, (n,), 0 to 9.
    """

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load_digits(seed: int) -> Digits:
    """Load scikit-learn's 1,797 digits of 8x8 pixels, and hold out a stratified fifth of them.

    Args:
        seed: of the random choice of the test images.

    Source:
        https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """
    digits = load_sklearn_digits()
    X = (digits.images[..., None] / 16).astype(np.float32)
    return Digits(*train_test_split(X, digits.target, test_size=TEST_SHARE, stratify=digits.target, random_state=seed))


def load_mnist() -> Digits:
    """Load the 70,000 digits of MNIST, of 28x28 pixels. TFDS downloads them if this machine does not have them.

    Raises:
        UserError: MNIST cannot be downloaded.

    Source:
        https://www.tensorflow.org/datasets/catalog/mnist
    """
    from eurosat_transfer.data.tfds import tfds  # takes a second, and the default does not need it

    try:
        if not tfds.builder("mnist").is_prepared():
            # TFDS waits for an answer without a limit, so this asks first whether the server can be reached.
            requests.head(tfds.image_classification.MNIST.URL, timeout=ANSWER_SECONDS)
        (X_train, y_train), (X_test, y_test) = tfds.as_numpy(
            tfds.load("mnist", split=["train", "test"], batch_size=-1, as_supervised=True)
        )
    except (OSError, tfds.download.DownloadError, requests.RequestException) as error:
        reason = describe_failed_download(error)
        raise UserError(
            f"activations.data=mnist: TFDS could not prepare MNIST: {reason}; without a network set it to digits"
        ) from None
    return Digits((X_train / 255).astype(np.float32), (X_test / 255).astype(np.float32), y_train, y_test)
