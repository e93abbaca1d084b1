"""TFDS builders for EuroSAT, for a folder or zip file of images, and for the drawn tiles."""
