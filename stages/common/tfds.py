"""TensorFlow Datasets, quiet in a pipe. It imports TensorFlow when it needs it, which for reading it does not."""

import sys

import tensorflow_datasets as tfds

__all__ = ["tfds"]

if not sys.stdout.isatty():
    tfds.disable_progress_bar()
