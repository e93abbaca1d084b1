"""The application of a saved classifier to new images."""
