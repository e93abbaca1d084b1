"""The stages of dvc.yaml, one script each. They meet only through files."""

import sys

from eurosat_transfer.environment import prepare_program

prepare_program()  # before the stages load other libraries

from eurosat_transfer.pipeline.failures import report_failures  # noqa: E402

# `python -m stages.svm` imports this package first. Until it has found the script, sys.argv[0] is "-m":
# https://docs.python.org/3/using/cmdline.html#cmdoption-m. So failed imports of a stage end in one line too.
if sys.argv[0] == "-m":
    report_failures(f"stage {sys.orig_argv[sys.orig_argv.index('-m') + 1].rpartition('.')[2]}")
