"""TFDS builders of the data sets that are not TFDS' own."""
