"""Commands for people: each module with a function `run` is one subcommand of `python -m eurosat_transfer`."""
