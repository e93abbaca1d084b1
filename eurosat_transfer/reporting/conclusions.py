"""What a reader should do after this run, and how sure that is: the first screen of the report."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.seed_findings import current_findings
from eurosat_transfer.evaluation.training_seed import has_random_training
from eurosat_transfer.reporting.cost import Cost, count_cost
from eurosat_transfer.reporting.data_set import FIRST_FOLD_ONLY
from eurosat_transfer.reporting.results import Rows, RunResults
from eurosat_transfer.reporting.seed_runs import SeedRuns, describe_seed_runs
from eurosat_transfer.reporting.sentences import describe_label_curves
from eurosat_transfer.reporting.training_randomness import describe_training_randomness
from eurosat_transfer.reporting.weak_classes import describe_weak_class, find_weakest_classes

UNLABELLED_IMAGES = {
    "none": "none",
    "rest": "the rest of the half that train and val come from",
    "test": "those of val and test",
}
SEEDS = "python -m eurosat_transfer seeds 3"


class Conclusion(NamedTuple):
    """One row of the first screen.

    Attributes:
        subject: what it is about, in a few words.
        sentences: the answer.
        command: what to run, or an empty text.
    """

    subject: str
    sentences: list[str]
    command: str = ""


class Run(NamedTuple):
    """What the conclusions are drawn from.

    Attributes:
        params: all parameters: {section: {parameter: value}}.
        results: results of the run.
        curves: label curves, as join_label_curves returns them.
        folds: number of images in train, val and test of each fold, and in UNLABELLED, if there are any. A single split
            is one fold.
        images: number of different images with labels of all folds.
    """

    params: Mapping[str, Mapping[str, Any]]
    results: RunResults
    curves: Mapping[str, Rows]
    folds: Sequence[Mapping[str, int]]
    images: int

    @property
    def recommended(self) -> str:
        """The cheapest of the classifiers that cannot be told apart from the best one."""
        return str(self.results.comparison["recommended"])

    @property
    def best(self) -> str:
        """The classifier with the highest test accuracy."""
        return str(self.results.comparison["best"])

    @property
    def candidates(self) -> list[str]:
        """The recommended classifier and the best one, each once."""
        return list(dict.fromkeys((self.recommended, self.best)))

    @property
    def rivals(self) -> list[str]:
        """The candidates, and then the other classifiers that cannot be told apart from the best one."""
        return list(dict.fromkeys((*self.candidates, *self.results.comparison["tied"])))

    @property
    def seed_runs(self) -> SeedRuns:
        """How many splits and trainings the command seeds has run."""
        counts = self.results.seeds.get("seeds", {})
        return SeedRuns(counts.get("splits", 0), counts.get("trainings", 0))

    @property
    def seeds(self) -> dict[str, dict[str, Any]]:
        """What several seeds have shown, by classifier, where that belongs to this run."""
        accuracies = {name: metrics["test"]["accuracy"] for name, metrics in self.results.metrics.items()}
        found = current_findings(self.results.seeds, self.params, accuracies)
        return {name: found[name] for name in found if self.seed_runs.vary(self.is_random(name))}

    def is_random(self, name: str) -> bool:
        """Tell whether the result of a classifier depends on a training seed."""
        return has_random_training(self.params.get(name, {}))


def draw_conclusions(run: Run) -> list[Conclusion]:
    """Draw the conclusions of a run, in the order in which a reader needs them.

    Args:
        run: parameters and results.
    """
    found = [
        Conclusion("Which classifier", describe_choice(run)),
        Conclusion("How sure", describe_certainty(run)),
        describe_more_labels(run),
        Conclusion("Unlabelled images", describe_unlabelled(run)),
        Conclusion("Weakest classes", describe_weakest(run)),
        Conclusion("Features or raw pixels", describe_features(run)),
        Conclusion("What the bands say", describe_bands(run)),
        Conclusion("Cost", describe_cost(run)),
        describe_next_step(run),
    ]
    return [conclusion for conclusion in found if conclusion.sentences]


def describe_choice(run: Run) -> list[str]:
    """Name the classifier to use, with the comparison that this rests on.

    Args:
        run: parameters and results.
    """
    test = run.results.metrics[run.recommended]["test"]
    pairs = [pair for pair in run.results.comparison["pairs"] if run.best in (pair["better"], pair["worse"])]
    if run.recommended != run.best:
        pairs = [pair for pair in pairs if run.recommended in (pair["better"], pair["worse"])]
    closest = min(pairs, key=lambda pair: pair["difference"], default=None)
    return [
        f"{run.results.comparison['words']}.",
        f"{run.recommended} is {CLASSIFIERS[run.recommended]}. Its test accuracy is {test['accuracy']:.3f}.",
        *([f"{closest['words']}."] if closest else []),
        *(f"{name} is left out: {reason}." for name, reason in run.results.left_out.items()),
    ]


def describe_certainty(run: Run) -> list[str]:
    """Say how sure the accuracy of the recommended classifier is, and what its interval leaves out.

    Args:
        run: parameters and results.
    """
    test, seeds = run.results.metrics[run.recommended]["test"], run.seeds
    measured = [name for name in run.candidates if name in seeds]
    one_run = [name for name in run.candidates if name not in seeds]
    sentences = [
        f"The 95 % interval of this accuracy is {test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}, from "
        f"{run.results.comparison['images']:,} test images.",
        *(describe_seed_runs(name, seeds[name], run.seed_runs, run.is_random(name)) for name in measured),
    ]
    if one_run:
        sentences.append(
            f"The results of {' and '.join(one_run)} come from one run, whose intervals do not contain the choice of "
            "the training images."
        )
    return sentences + [
        describe_training_randomness(name, run.params[name], seeds.get(name))
        for name in run.rivals
        if run.is_random(name)
    ]


def describe_more_labels(run: Run) -> Conclusion:
    """Say what twice the labels bring to the recommended classifier and to the best one.

    Args:
        run: parameters and results.
    """
    if len(run.folds) > 1:
        return Conclusion("More labels", [FIRST_FOLD_ONLY])
    sentences, command = [], ""
    for name in run.candidates:
        found = describe_label_curves({name: run.curves[name]}) if name in run.curves else []
        sentences += found or [f"This run has not measured what more labels bring to {name}."]
        if not found and "label_sizes" in run.params.get(name, ()):
            half = max(1, run.folds[0]["train"] // (2 * len(run.results.per_class[name])))
            sentences[-1] = f"This run has not measured what more labels bring to {name}. This command does:"
            command = f"dvc exp run -S '{name}.label_sizes=[{half}]'"
    return Conclusion("More labels", sentences, command)


def describe_unlabelled(run: Run) -> list[str]:
    """Say what spread and finetune learned from images without labels, and whether spread is better than svm.

    Args:
        run: parameters and results.
    """
    metrics = run.results.metrics["spread"]
    subset = UNLABELLED_IMAGES[run.params["split"]["unlabelled"]]
    used = (
        f"{metrics['unlabelled']:,} images without labels: {subset}"
        if metrics["unlabelled"]
        else "labelled images only"
    )
    sentences = [f"spread learned from {used} (`split.unlabelled={run.params['split']['unlabelled']}`)."]
    if run.results.comparison["saw_test"]:
        sentences.append("So its accuracy holds for these images, and not for new ones.")
    for pair in run.results.comparison["pairs"]:
        if {pair["better"], pair["worse"]} == {"spread", "svm"}:
            verdict = "" if pair["is_better"] and pair["better"] == "spread" else "spread is not better than svm here: "
            sentences.append(f"{verdict}{pair['words']}.")
    if "pseudo_labels" in (tuned := run.results.metrics.get("finetune", {})):
        sentences.append(
            f"finetune learned from {tuned['pseudo_labels']:,} pseudo-labels too, for "
            f"{100 * tuned['pseudo_label_share']:.1f} % of the {tuned['unlabelled']:,} images without labels "
            "(`finetune.unlabelled=self-training`). Nobody has checked them."
        )
    return sentences


def describe_weakest(run: Run) -> list[str]:
    """Name the classes that the recommended classifier predicts worst, and what it takes them for.

    Args:
        run: parameters and results.
    """
    weakest = find_weakest_classes(run.results.per_class[run.recommended], run.results.predictions[run.recommended])
    if not weakest:
        return [f"{run.recommended} makes no mistake on the test images."]
    return [f"{describe_weak_class(weak)}." for weak in weakest]


def describe_features(run: Run) -> list[str]:
    """Compare the same classifier on the features and on the raw pixels.

    Args:
        run: parameters and results.
    """
    return [
        f"{pair['words']}. Both are support vector machines: svm sees {_seen_by_svm(run)}, pixels the raw pixels."
        for pair in run.results.comparison["pairs"]
        if {pair["better"], pair["worse"]} == {"svm", "pixels"}
    ]


def describe_bands(run: Run) -> list[str]:
    """Compare the same classifier on the features and on the statistics of the bands, and name others on these.

    Args:
        run: parameters and results.
    """
    compared = [
        f"{pair['words']}. Both are support vector machines: svm sees {_seen_by_svm(run)}, bands statistics of the "
        "bands, without a network."
        for pair in run.results.comparison["pairs"]
        if {pair["better"], pair["worse"]} == {"svm", "bands"}
    ]
    found = {name: figures["test"]["accuracy"] for name, figures in run.results.on_bands.items()}
    others = ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in found.items())
    return [*compared, *([f"Test accuracies on these statistics: {others}."] if others else [])]


def _seen_by_svm(run: Run) -> str:
    """Describe the features that svm has."""
    kinds = {"deep": "the features", "bands": "statistics of the bands"}
    return " and ".join(kinds[name] for name in run.params.get("svm", {}).get("features", ["deep"]))


def describe_cost(run: Run) -> list[str]:
    """Say how many images went through the network for the recommended classifier and for the best one.

    Args:
        run: parameters and results.
    """
    return [_describe_cost_of(name, run) for name in run.candidates]


def cost_of(name: str, run: Run) -> Cost:
    """Count the cost of a classifier, with that of its self-training.

    Args:
        name: of the classifier.
        run: parameters and results.
    """
    pseudo_labels = run.results.metrics[name].get("pseudo_labels_by_round", ())
    return count_cost(name, run.params, run.folds, run.images, pseudo_labels)


def _describe_cost_of(name: str, run: Run) -> str:
    cost = cost_of(name, run)
    if not cost.each_new:
        return f"{name} needs no network."
    steps = f"{cost.steps:,} training steps, with {cost.trained:,} images forward and back, and " if cost.steps else ""
    passes = "1 pass" if cost.each_new == 1 else f"{cost.each_new} passes"
    return f"{name} took {steps}{cost.forward:,} passes of images through the network; a new image takes {passes}."


def describe_next_step(run: Run) -> Conclusion:
    """Name the command to run next.

    Args:
        run: parameters and results.
    """
    if run.seed_runs.splits < 2 or any(name not in run.seeds for name in run.candidates):
        return Conclusion("Next", ["Other splits and training seeds, which show how much these results vary:"], SEEDS)
    return Conclusion(
        "Next",
        ["Your own tiles, in a folder with one subfolder for each class:"],
        "dvc exp run -S data.name=folder -S data.path=/path/to/the/folder",
    )
