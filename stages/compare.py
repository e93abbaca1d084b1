"""Are the classifiers different? Every pair of them on the same test images.

Reads   plots/{pixels,knn,svm,probe,finetune}_predictions.csv
Writes  metrics/compare.json
        images; pairs: better, worse, difference, low, high, only_better, only_worse, p_value, words

difference: of the two accuracies, with the 95 % interval of a paired bootstrap over the images (Efron and Tibshirani,
1993). p_value: McNemar's exact test (McNemar, 1947) on the images that only one of the two has right. Each pair is
tested by itself; nothing is corrected for the number of pairs.
"""

from itertools import accumulate, combinations

import numpy as np

from stages.common.files import read_csv, write_json
from stages.common.names import CLASSIFIERS
from stages.common.stage import UserError, run_stage

DRAWS = 100_000
TINY = 1e-12  # a smaller p is not worth its digits


def mcnemar(fewer: int, count: int) -> float:
    """Two-sided p of McNemar's exact test: how likely a fair coin, thrown count times, has a side that comes up no more
    than `fewer` times.

    In whole numbers, rounded once, at the end. scipy.stats would take half a second to import for this alone.

    Args:
        fewer: at most half of count.
    """
    ways = accumulate(range(fewer), lambda way, heads: way * (count - heads) // (heads + 1), initial=1)
    return min(1.0, 2 * sum(ways) / 2**count)


def compare(names: tuple[str, str], right: tuple[np.ndarray, np.ndarray]) -> dict:
    """Compare two classifiers, the more accurate one first.

    A bootstrap over the images draws how many of n only the one has right, how many only the other, and how many
    neither alone: a multinomial, which is drawn as such.

    Args:
        names: of the two.
        right: bool, (n,) each: which images each has right.

    Returns:
        better, worse: names; difference, low, high: of accuracies; only_better, only_worse: images; p_value; words.
    """
    if right[0].sum() < right[1].sum():
        names, right = names[::-1], right[::-1]
    count = len(right[0])
    only = [int((right[i] & ~right[1 - i]).sum()) for i in (0, 1)]
    drawn = np.random.default_rng(0).multinomial(count, np.array([*only, count - sum(only)]) / count, DRAWS)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975], method="nearest") / count
    figures = {
        "better": names[0],
        "worse": names[1],
        "difference": (only[0] - only[1]) / count,
        "low": float(low),
        "high": float(high),
        "only_better": only[0],
        "only_worse": only[1],
        "p_value": mcnemar(min(only), sum(only)),
    }
    return figures | {"words": in_words(figures)}


def in_words(figures: dict) -> str:
    """Say what the interval allows to say."""
    p = f"= {figures['p_value']:.2g}" if figures["p_value"] > TINY else f"< {TINY:g}"
    span = f"95 % interval {figures['low']:.3f} to {figures['high']:.3f}, McNemar p {p}"
    if figures["low"] > 0 and figures["p_value"] < 0.05:  # with few images the one may say so and the other not
        return f"{figures['better']} is better than {figures['worse']} by {figures['difference']:.3f} ({span})"
    if figures["low"] > 0 or figures["p_value"] < 0.05:
        return (
            f"{figures['better']} may be better than {figures['worse']} by {figures['difference']:.3f}: "
            f"of the interval and the test only one says so ({span})"
        )
    return (
        f"{figures['better']} and {figures['worse']} cannot be told apart: "
        f"they differ by {figures['difference']:.3f} ({span})"
    )


def main() -> None:
    tables = {name: read_csv(f"plots/{name}_predictions.csv") for name in CLASSIFIERS}
    actual = {name: [row["actual"] for row in rows] for name, rows in tables.items()}
    for name in CLASSIFIERS[1:]:
        if actual[name] != actual[CLASSIFIERS[0]]:
            raise UserError(f"plots/{name}_predictions.csv is of other images than those of {CLASSIFIERS[0]}")
    right = {name: np.array([row["actual"] == row["predicted"] for row in rows]) for name, rows in tables.items()}
    pairs = [compare(pair, (right[pair[0]], right[pair[1]])) for pair in combinations(reversed(CLASSIFIERS), 2)]
    write_json("metrics/compare.json", {"images": len(tables["svm"]), "pairs": pairs})
    print(*(pair["words"] for pair in pairs), sep="\n")


if __name__ == "__main__":
    run_stage(main, __doc__)
