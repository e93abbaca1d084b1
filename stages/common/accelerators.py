"""The GPUs of this machine, used where there are any; without one nothing is other than it would be."""

from stages.common.tensorflow import keras, tf

HALF = (7, 0)  # the compute capability from which on NVIDIA's GPUs multiply float16 matrices by units of their own


def gpus() -> list[dict]:
    """Say what each GPU is that TensorFlow sees: device_name and, of NVIDIA's, compute_capability."""
    return [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]


def every_gpu(at_most: int) -> tf.distribute.Strategy:
    """Choose what models are to be built and trained under: a copy on each GPU, where there are two or more.

    keras.utils.clear_session, and so reproducible, takes an open scope away: enter it afterwards.

    Args:
        at_most: GPUs; no more than the images of a batch, for each has to have one.
    """
    names = [f"GPU:{number}" for number in range(min(len(gpus()), at_most))]
    return tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy()


def replicas() -> int:
    """Say how many copies of a model train together, under the strategy whose scope this is in."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def batches(data: tf.data.Dataset, count: int, size: int) -> tf.data.Dataset:
    """Batch count images; a last batch too small for every copy to have one of it goes with the batch before."""
    rest = count % size
    whole = count - rest - (size if 0 < rest < replicas() else 0)
    return data.take(whole).batch(size).concatenate(data.skip(whole).batch(size + rest))


def half_precision() -> None:
    """Have the models built from here on compute in float16, their weights in float32, if every GPU is made for it.

    A layer that is to stay float32 says so by its dtype; keras.utils.clear_session undoes it.
    """
    capabilities = [gpu.get("compute_capability", (0, 0)) for gpu in gpus()]
    if capabilities and min(capabilities) >= HALF:
        keras.config.set_dtype_policy("mixed_float16")
