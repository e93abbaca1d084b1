"""The stages of dvc.yaml, one script each. They meet only through files."""
