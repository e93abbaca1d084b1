"""Compare every pair of classifiers on the same test images.

Reads   plots/NAME_predictions.csv of every classifier
Writes  metrics/compare.json
        images; pairs: better, worse, difference, low, high, only_better, only_worse, p_value, words

difference is that of the two accuracies, with the 95 % interval of a paired bootstrap over the images.
p_value is that of McNemar's exact test on the images that only one of the two predicts correctly. Each
pair is tested by itself. The p-values are not corrected for the number of pairs.
"""

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.comparison import compare_classifiers
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    comparison = compare_classifiers({name: read_csv(f"plots/{name}_predictions.csv") for name in CLASSIFIERS})
    write_json("metrics/compare.json", comparison)
    print(*(pair["words"] for pair in comparison["pairs"]), sep="\n")


if __name__ == "__main__":
    run_stage(main, __doc__)
