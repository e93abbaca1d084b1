"""The bilinear resizing of a saved classifier, for a part of a row of pixels of any length."""

import numpy as np
from scipy.sparse import csr_array


def resizing_matrix(length: int, factor: float, first: int, after: int) -> csr_array:
    """Compute what each of the old pixels of a row contributes to some of the new ones.

    Args:
        length: number of old pixels.
        factor: new pixels for each old one.
        first: number of the first new pixel. It can be outside the row: then it is as the nearest one inside.
        after: number after the last new pixel.

    Returns:
        float32, (after - first, length).

    Source:
        eurosat_transfer.models.onnx_export, which computes the same for whole images.
    """
    scale = 1 / factor
    new = np.clip(np.arange(first, after), 0, max(0, int(np.ceil(length * factor)) - 1))
    centres = (new + 0.5) * scale - 0.5  # of the new pixels, counted in old pixels
    reach = max(scale, 1.0)
    old = np.floor(centres - reach).astype(int)[:, None] + np.arange(int(2 * reach) + 2)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - old) / reach) * ((old >= 0) & (old < length))
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.broadcast_to(np.arange(len(new))[:, None], old.shape)
    used = weights > 0
    return csr_array(
        (weights[used].astype(np.float32), (rows[used], old[used])), shape=(len(new), length), dtype=np.float32
    )
