"""TensorFlow Datasets without progress bars in a pipe or file. It imports TensorFlow only to write data sets."""

import sys

import tensorflow_datasets as tfds

__all__ = ["tfds"]

if not sys.stdout.isatty():
    tfds.disable_progress_bar()
