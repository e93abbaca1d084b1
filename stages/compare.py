"""Compare every pair of classifiers on the same test images, and choose the one to save.

Reads   plots/NAME_predictions.csv, plots/NAME_classes.csv and metrics/NAME.json of every classifier
Writes  metrics/compare.json
        images; small_classes: number of test images of each class with fewer than 10; best; tied;
        recommended; random_training; saw_test; words; pairs: better, worse, difference, low, high, only_better,
        only_worse, p_value, p_holm, better_labels, worse_labels, is_better, words
        data/choice.json
        classifier; parameters, its section of params.yaml; confusion, of its predictions for the test
        images. If no model can be saved, classifier is null, and reason says why

tied: the classifiers that cannot be told apart from the best one. recommended: the cheapest of these
and the best one. random_training: the classifiers whose training depends on a seed. saw_test: the
classifiers that learned from the test images, without their labels.

difference is that of the two accuracies. low and high are its simultaneous 95 % interval (Newcombe's
paired interval, with Bonferroni's level): in 95 % of all experiments, the intervals of all pairs
contain their differences. p_value is that of McNemar's exact test on the images that only one of the
two predicts correctly, and p_holm has Holm's correction for the number of pairs. One classifier is
better than another one if p_holm is below 0.05 and the interval lies above 0.

The interval and the test are about the choice of the test images. They do not contain what another
draw of the training images or another seed of the training would change. So the words of a pair name
those classifiers whose training depends on a seed.

model.classifier names the classifier to save; auto is the one with the best accuracy on val. The
stage model depends on data/choice.json, and not on the results of all classifiers. So a change of a
classifier of features that is not chosen does not save the model again.
"""

import textwrap
from collections.abc import Mapping
from typing import Any

from eurosat_transfer.evaluation.choice import make_choice
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.comparison import Candidate, compare_classifiers
from eurosat_transfer.evaluation.training_seed import has_random_training
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    metrics, left_out = read_metrics()
    sections = parameters.as_dict()
    candidates = {name: read_candidate(name, of, has_random_training(sections[name])) for name, of in metrics.items()}
    comparison = compare_classifiers(candidates)
    write_json("metrics/compare.json", comparison)
    choice = make_choice(parameters, metrics, left_out)
    write_json("data/choice.json", choice)
    chosen = choice["reason"] if choice["classifier"] is None else f"To be saved as a model: {choice['classifier']}."
    sentences = [comparison["words"], *(pair["words"] for pair in comparison["pairs"]), chosen]
    print(*(textwrap.fill(sentence, 100, subsequent_indent="  ") for sentence in sentences), sep="\n")


def read_candidate(name: str, metrics: Mapping[str, Any], random_training: bool) -> Candidate:
    """Read what a classifier did on test from its files."""
    return Candidate(
        predictions=read_csv(f"plots/{name}_predictions.csv"),
        images_per_class={row["class"]: int(row["images"]) for row in read_csv(f"plots/{name}_classes.csv")},
        training_labels=metrics["training_labels"],
        random_training=random_training,
        saw_test=metrics.get("saw_test", False),
    )


if __name__ == "__main__":
    run_stage(main, __doc__)
