"""Drawings in place of photographs: the demo's tiles and the textures that tilenet is pretrained on."""
