"""Data sets and their tiles: builders, reading, decoding, splitting."""
