"""The GPUs of this machine. Without a GPU, no function of this module changes a result."""

from typing import Any

from eurosat_transfer.tensorflow_setup import keras, tf

# NVIDIA's GPUs have units for products of float16 matrices from this compute capability on:
# https://docs.nvidia.com/deeplearning/performance/mixed-precision-training/index.html
HALF_PRECISION = (7, 0)


def gpus() -> list[dict[str, Any]]:
    """Describe each GPU that TensorFlow sees.

    Returns:
        For each GPU its device_name and, for those of NVIDIA, its compute_capability as two numbers.
    """
    return [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]


def training_strategy(max_replicas: int) -> tf.distribute.Strategy:
    """Choose the strategy to build and train models with: one replica on each GPU, if there are two or more.

    Enter its scope after make_reproducible, because keras.utils.clear_session leaves an open scope.

    Args:
        max_replicas: the highest number of GPUs to use. Each of them needs at least one image of every batch.

    Returns:
        A MirroredStrategy, or TensorFlow's default strategy if there are fewer than two GPUs to use.
    """
    names = [f"GPU:{number}" for number in range(min(len(gpus()), max_replicas))]
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy()


def replicas() -> int:
    """Count the replicas that train together under the strategy of the current scope."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def batches(data: tf.data.Dataset, count: int, size: int) -> tf.data.Dataset:
    """Batch images, and merge a final batch that is smaller than the number of replicas into the previous one.

    Each replica needs at least one image of every batch.

    Args:
        data: images, with or without labels.
        count: number of images.
        size: images per batch.

    Returns:
        Batches of size images. The last one can be smaller, or larger by fewer images than there are replicas.
    """
    rest = count % size
    regular = count - rest - (size if 0 < rest < replicas() else 0)
    return data.take(regular).batch(size).concatenate(data.skip(regular).batch(size + rest))


def use_half_precision() -> None:
    """Let models that are built afterwards compute in float16, if every GPU has units for it.

    Weights stay float32, and so do layers that are built with dtype="float32". keras.utils.clear_session undoes the
    setting.

    Source: Micikevicius et al., 2018, Mixed Precision Training.
    """
    capabilities = [gpu.get("compute_capability", (0, 0)) for gpu in gpus()]
    if capabilities and min(capabilities) >= HALF_PRECISION:
        keras.config.set_dtype_policy("mixed_float16")
