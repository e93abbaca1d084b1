"""The stages of dvc.yaml, a module each; they meet only through files."""
