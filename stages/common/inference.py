"""A network applied to encoded images."""

import numpy as np
from tqdm import tqdm

from stages.common.backbones import Preprocess
from stages.common.stage import UserError
from stages.common.tensorflow import keras, tf
from stages.common.tiles import decode

BATCH = 32


def apply(model: keras.Model, prepare: Preprocess, images: np.ndarray, name: str) -> np.ndarray:
    """Apply a model, in inference mode, to encoded images.

    One compiled shape: the last batch is filled up with copies and its surplus results dropped.

    Args:
        model: float32, (n, size, size, 3) -> (n, d).
        prepare: what to do to the images first, float32, RGB, 0 to 255.
        images: object, (n,), bytes.
        name: of the images, for the progress bar.

    Returns:
        float32, (n, d).

    Raises:
        UserError: an image does not decode.
    """
    size = model.input_shape[1]
    padded = np.concatenate([images, np.repeat(images[-1:], -len(images) % BATCH)])
    data = tf.data.Dataset.from_tensor_slices(list(padded))
    data = data.map(lambda encoded: prepare(decode(encoded, size)), num_parallel_calls=tf.data.AUTOTUNE)
    infer = tf.function(lambda batch: model(batch, training=False))
    bar = tqdm(total=len(images), desc=name, unit="image", mininterval=1, disable=None)
    results = []
    with bar:
        try:
            for batch in data.batch(BATCH, drop_remainder=True).prefetch(2):
                results.append(infer(batch).numpy())
                bar.update(min(BATCH, len(images) - bar.n))
        except tf.errors.InvalidArgumentError as error:
            raise UserError(f"an image of {name} cannot be read: {error.message.splitlines()[0][:300]}") from None
    return np.concatenate(results)[: len(images)]
