"""Copies of Keras models that compute in bfloat16, for faster training."""

from eurosat_transfer.tensorflow_setup import keras

POLICY = "mixed_bfloat16"


def copy_in_bfloat16(model: keras.Model) -> keras.Model:
    """Copy a model, with its weights. The copy computes in bfloat16, and its weights are float32 all the same.

    Layers with a softmax compute in float32. So does batch normalisation: Keras sees to that.

    Args:
        model: a functional model.

    Returns:
        A model of the same layers and the same order of weights.

    Source:
        Kalamkar et al., 2019, A Study of BFLOAT16 for Deep Learning Training.
    """
    copied = keras.models.clone_model(model, clone_function=_clone, recursive=True)
    copied.set_weights(model.get_weights())
    return copied


def _clone(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if config.get("activation") != "softmax":
        config["dtype"] = POLICY
    return layer.__class__.from_config(config)
