"""The stages of dvc.yaml, a module each; they meet only through files."""

import gc
import sys

if sys.argv[0] == "-m":  # python -m stages.NAME is about to import it, and a million objects that stay with it
    gc.disable()  # until run_stage
