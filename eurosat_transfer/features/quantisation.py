"""Networks that compute with 8-bit integers, made from networks that compute in float32."""

import logging
from collections.abc import Sequence

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.openvino_setup import openvino

CALIBRATION_IMAGES = 320  # for calibration; NNCF takes 300 by default


def quantise(model: openvino.Model, batches: Sequence[np.ndarray]) -> openvino.Model:
    """Quantise the weights and the activations of a network, after training, without labels.

    Args:
        model: one input, of the shape of a batch.
        batches: typical inputs. The ranges of the activations are measured on them.

    Returns:
        The same network, with 8-bit integers where OpenVINO has them. The same arguments give the same bits.

    Raises:
        UserError: NNCF is not installed.

    Source:
        https://docs.openvino.ai/2026/openvino-workflow/model-optimization-guide/quantizing-models-post-training.html
    """
    try:
        import nncf
    except ImportError:
        raise UserError("extract.precision=int8 needs NNCF; run `pip install nncf`, or set another precision") from None
    nncf.set_log_level(logging.ERROR)
    return nncf.quantize(model, nncf.Dataset(list(batches)), subset_size=len(batches))
