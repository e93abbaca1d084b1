"""Benchmarks of this project against other programs that do the same: `python -m benchmarks --help`."""
