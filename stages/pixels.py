"""What no pretrained network must do worse than: a support vector classifier on the raw pixels.

Reads   data/pixels.npz
Writes  metrics/pixels.json, plots/pixels_predictions.csv, plots/pixels_classes.csv
"""

import numpy as np

from stages.common.evaluation import Prediction, report
from stages.common.features import load_features
from stages.common.params import load_params
from stages.common.stage import UserError, run_stage
from stages.common.svc import fit_svm


def main() -> None:
    params = load_params().pixels
    pixels = load_features("data/pixels.npz")
    if pixels.X["train"].shape[1] == 0:
        raise UserError("extract.features: features computed elsewhere come without images, so there are no raw pixels")
    X = {subset: rows.astype(np.float32) / 255 for subset, rows in pixels.X.items()}
    fitted = fit_svm(X["train"], pixels.y["train"], params.kernel, params.C)
    report("pixels", pixels.classes, **{s: Prediction(pixels.y[s], fitted.predict(X[s])) for s in ("val", "test")})


if __name__ == "__main__":
    run_stage(main, __doc__)
