"""Drawings: the tiles of the embedded default, and the textures that tilenet is pretrained on."""
