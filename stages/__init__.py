"""The stages of dvc.yaml, one script each. They meet only through files."""

from eurosat_transfer.environment import prepare_program

prepare_program()
