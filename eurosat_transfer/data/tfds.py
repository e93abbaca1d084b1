"""TensorFlow Datasets without progress bars in a pipe or file. It imports TensorFlow only to write data sets."""

import logging
import sys

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

__all__ = ["tfds"]

# TFDS tries a download ten times, with longer and longer pauses. Without a network this takes 200 s, and each attempt
# prints a warning. Source: https://github.com/tensorflow/datasets/blob/master/tensorflow_datasets/core/download/downloader.py
downloader.MAX_RETRIES = 3
for library in ("urllib3.connectionpool", "absl"):  # absl's warnings are about folders that are not prepared yet
    logging.getLogger(library).setLevel(logging.ERROR)

if not sys.stdout.isatty():
    tfds.disable_progress_bar()
