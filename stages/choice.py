"""Choose the classifier that the stage model saves.

Reads   metrics/NAME.json, plots/NAME_predictions.csv   of every classifier
Writes  data/choice.json   classifier; parameters, its section of params.yaml; confusion, of its predictions
                           for the test images. With data.bands: all, classifier is null, and reason says why

model.classifier names the classifier; auto is the one with the best accuracy on val. The stage model
depends on this file, and not on the results of all classifiers. So a change of a classifier that is
not chosen does not save the model again.
"""

from eurosat_transfer.evaluation.choice import NO_MODEL, choose_classifier
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.confusion import count_confusion
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    if parameters.section(Data).bands == "all":
        write_json("data/choice.json", {"classifier": None, "reason": NO_MODEL})
        print(NO_MODEL)
        return
    metrics, _ = read_metrics()
    name = choose_classifier(parameters.section(Model).classifier, metrics, parameters.section(Svm).features)
    classes = [row["class"] for row in read_csv(f"plots/{name}_classes.csv")]
    confusion = count_confusion(read_csv(f"plots/{name}_predictions.csv"), classes)
    choice = {"classifier": name, "parameters": parameters.as_dict()[name], "confusion": confusion.tolist()}
    write_json("data/choice.json", choice)
    print(f"chosen: {name}")


if __name__ == "__main__":
    run_stage(main, __doc__)
