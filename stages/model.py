"""Save the chosen classifier as a model that others can apply, without this project.

Reads   data/choice.json   the name of the classifier
        data/array_records/  data/split.csv  data/backbone/  data/features.npz  data/finetune.weights.h5
Writes  model/model.onnx   images, uint8, (n, height, width, 3), RGB, of any size -> probabilities,
                           float32, (n, classes), and distance, float32, (n,), from the training images
        model/model.json   the names of the classes, and what `predict` must know

With model.refit: false the classifier is saved as it was tested. With true it is fitted once more, on
all labels but test, and prediction sets are calibrated by cross-validation. With several folds, it is
fitted on all labels, because all of them are tested, by classifiers that did not see them.
"""

import numpy as np

from eurosat_transfer.data.builders.registry import create_rendering
from eurosat_transfer.data.selection import NO_IMAGES, open_selection
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.checkpoints import checkpoint_folder
from eurosat_transfer.models.model_folder import fit_classifier, write_model
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.pipeline.integrity import digest_inputs
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.prediction.saved_model import MODEL, write_no_model
from eurosat_transfer.tensorflow_setup import use_threads


def main() -> None:
    """Run the stage."""
    parameters, choice = load_parameters(), read_json("data/choice.json")
    name = choice["classifier"]
    MODEL.mkdir(exist_ok=True)
    if name is None:
        write_no_model(MODEL, choice["reason"])
        return
    if name == "finetune":
        use_threads(parameters.section(Finetune).threads)
    dataset, selection = open_selection()
    features = load_features()
    if parameters.section(Split).folds > 1 and parameters.section(Model).refit:
        selected, features = selection.with_all_in_train(), features.with_all_in_train()
    else:
        selected, features = selection.folds()[0], next(features.folds())
    tiles = selected.read(dataset)
    self_training = name == "finetune" and parameters.section(Finetune).unlabelled != "none"
    unlabelled = selection.read_unlabelled(dataset) if self_training else NO_IMAGES
    with checkpoint_folder("model", digest_inputs("model"), parameters.as_dict()) as checkpoints:
        classifier = fit_classifier(name, tiles, unlabelled, features, parameters, checkpoints)
    confusion = np.array(choice["confusion"])
    rendering = dataset.bands.rendering if dataset.bands else create_rendering(parameters.section(Data))
    write_model(MODEL, name, classifier, tiles, selection.classes, confusion, rendering)
    print(f"{MODEL}: {name}, {len(selection.classes)} classes")


if __name__ == "__main__":
    run_stage(main, __doc__)
