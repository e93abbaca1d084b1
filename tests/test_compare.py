import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from stages import compare
from stages.common.files import read_json, write_csv
from stages.common.stage import UserError

RNG = np.random.default_rng(1)
STRONG = RNG.uniform(size=400) < 0.9
WEAK = STRONG & (RNG.uniform(size=400) < 0.95) | (RNG.uniform(size=400) < 0.03)


def test_the_interval_is_that_of_a_paired_bootstrap():
    figures = compare.compare(("weak", "strong"), (WEAK, STRONG))
    drawn = bootstrap(
        (STRONG.astype(float), WEAK.astype(float)),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        n_resamples=20000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    assert (figures["better"], figures["worse"]) == ("strong", "weak")
    assert figures["difference"] == pytest.approx(STRONG.mean() - WEAK.mean())
    assert (figures["low"], figures["high"]) == pytest.approx(drawn.confidence_interval, abs=0.004)


def test_mcnemar_by_hand():
    # Five images only the first has right, none only the second: two-sided, 2 / 2**5.
    first, second = np.ones(20, bool), np.arange(20) >= 5
    figures = compare.compare(("first", "second"), (first, second))
    assert (figures["only_better"], figures["only_worse"]) == (5, 0)
    assert figures["p_value"] == pytest.approx(0.0625)
    assert compare.compare(("same", "too"), (first, first))["p_value"] == 1.0


@pytest.mark.parametrize("count", [1, 2, 11, 100, 501, 13500])
def test_mcnemar_is_the_binomial_test(count):
    for fewer in {0, count // 3, count // 2}:
        expected = binomtest(fewer, count).pvalue
        assert compare.mcnemar(fewer, count) == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert compare.mcnemar(count // 2, count) == 1.0


def test_the_words_say_what_the_interval_allows():
    sure = compare.compare(("a", "b"), (np.ones(100, bool), np.arange(100) >= 20))
    assert sure["words"].startswith("a is better than b by 0.200 (95 % interval 0.1")
    assert sure["words"].endswith("McNemar p = 1.9e-06)")
    few = compare.compare(("a", "b"), (np.ones(640, bool), np.arange(640) >= 5))  # the bootstrap is sure, McNemar not
    assert few["low"] > 0
    assert few["p_value"] > 0.05
    assert few["words"].startswith(
        "a may be better than b by 0.008: of the interval and the test only one says so (95 %"
    )
    unsure = compare.compare(("a", "b"), (np.arange(100) >= 10, np.arange(100) < 91))
    assert unsure["words"].startswith("b and a cannot be told apart: they differ by 0.010")


def write_predictions(**wrong):
    for name in compare.CLASSIFIERS:
        rows = [("a", "b" if i < wrong.get(name, 0) else "a") for i in range(50)]
        write_csv(f"plots/{name}_predictions.csv", ("actual", "predicted"), rows)


def test_every_pair_is_compared_on_the_same_images(world):
    world()
    write_predictions(pixels=20, knn=10)
    compare.main()
    result = read_json("metrics/compare.json")
    assert result["images"] == 50
    assert len(result["pairs"]) == 10
    assert {"better": "knn", "worse": "pixels", "difference": 0.2}.items() <= next(
        pair.items() for pair in result["pairs"] if {pair["better"], pair["worse"]} == {"knn", "pixels"}
    )


def test_predictions_of_other_images_are_refused(world):
    world()
    write_predictions()
    write_csv("plots/svm_predictions.csv", ("actual", "predicted"), [("b", "b")] * 50)
    with pytest.raises(UserError, match=r"svm_predictions\.csv is of other images"):
        compare.main()
