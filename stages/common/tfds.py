"""TensorFlow Datasets, quiet in a pipe; apart from TensorFlow, as a third of a second would be wasted on its import."""

import sys

import tensorflow_datasets as tfds

import stages.common.tensorflow  # noqa: F401, which TFDS would import by itself when first used, not set up

__all__ = ["tfds"]

if not sys.stdout.isatty():
    tfds.disable_progress_bar()
