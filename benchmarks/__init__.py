"""How fast this project is, measured against what else does the same: `python -m benchmarks --help`."""
