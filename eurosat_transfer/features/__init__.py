"""Features of tiles: computed, cached, loaded.

Loading a feature file needs neither DVC nor TensorFlow:

    from eurosat_transfer.features import load_features

    features = load_features("data/features.npz")
    X, y = features.select("train")
"""

from eurosat_transfer.features.feature_set import FeatureSet, load_features

__all__ = ["FeatureSet", "load_features"]
