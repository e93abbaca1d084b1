"""Fine-tune the network with a new last layer, and test it.

Reads   data/array_records/  data/split.csv  data/backbone/
Writes  metrics/finetune.json, plots/finetune_predictions.csv, plots/finetune_classes.csv
        plots/finetune_history.csv
        data/finetune.weights.h5   the weights of the network and its new layer that were tested
        plots/finetune_labels.csv  classifier, images, draw, accuracy: one row for each of
                                   finetune.label_sizes

With several folds, the network is fine-tuned once per fold. The predictions are of all folds, and the
history, the weights and the label curve are of the first fold.

First only the new layer is trained, on the features of the frozen network. Then all layers are
trained, or the last few. With finetune.unlabelled=self-training, this is done in rounds, and the
images of the subset unlabelled get pseudo-labels before each round. A killed run resumes after its last
complete epoch. With a network from an ONNX file there is nothing to train: the metrics say so, and the
other files are empty.
"""

from eurosat_transfer.data.selection import NO_IMAGES, open_selection
from eurosat_transfer.evaluation.folds import pool_results
from eurosat_transfer.evaluation.label_curve import write_fits
from eurosat_transfer.evaluation.left_out import write_left_out
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.models.checkpoints import checkpoint_folder
from eurosat_transfer.models.finetune import evaluate_finetune, finetune_label_subsets
from eurosat_transfer.models.finetuning import save_weights
from eurosat_transfer.models.training import HISTORY_COLUMNS, write_history
from eurosat_transfer.networks.accelerators import gpus
from eurosat_transfer.networks.backbones import FOLDER, NEEDS_KERAS
from eurosat_transfer.networks.onnx_network import is_onnx_backbone
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.integrity import digest_inputs
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.tensorflow_setup import use_threads


def main() -> None:
    """Run the stage."""
    if is_onnx_backbone(FOLDER):
        leave_out()
        return
    parameters = load_parameters()
    params, preprocess = parameters.section(Finetune), parameters.section(Extract).preprocess
    use_threads(params.threads)
    dataset, selection = open_selection()
    folds, classes = selection.folds(), len(selection.classes)
    tiles = folds[0].read(dataset)
    unlabelled = NO_IMAGES if params.unlabelled == "none" else selection.read_unlabelled(dataset)
    settings = params.model_dump(), preprocess, gpus()
    with checkpoint_folder("finetune", digest_inputs("finetune"), *settings) as checkpoints:
        evaluated = evaluate_finetune(tiles, unlabelled, classes, preprocess, params, checkpoints)
        write_history("plots/finetune_history.csv", evaluated.history)
        save_weights("data/finetune.weights.h5", evaluated.model)
        results = [evaluated.results]
        for number, fold in enumerate(folds[1:], 2):
            folder = checkpoints / f"fold_{number}"
            folder.mkdir(exist_ok=True)
            of_fold = evaluate_finetune(fold.read(dataset), unlabelled, classes, preprocess, params, folder)
            results.append(of_fold.results)
        write_results("finetune", selection.classes, selection.pooled().files["test"], pool_results(results))
        fits = finetune_label_subsets(tiles, unlabelled, classes, preprocess, params, checkpoints)
        write_fits("plots/finetune_labels.csv", fits)


def leave_out() -> None:
    """Write files without results, and say why."""
    write_left_out("finetune", NEEDS_KERAS)
    write_csv("plots/finetune_history.csv", HISTORY_COLUMNS, [])
    write_fits("plots/finetune_labels.csv", [])
    with atomic_write("data/finetune.weights.h5") as part:
        part.touch()


if __name__ == "__main__":
    run_stage(main, __doc__)
