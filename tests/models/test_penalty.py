import pytest

from eurosat_transfer.models.penalty import choose_penalty, describe_choice


@pytest.mark.parametrize(
    ("losses", "best", "tried"),
    [
        ([3, 2, 1, 4, 0], 3, 4),  # the search stops before the last one
        ([1, 1, 1], 1, 3),
        ([3, 2, 1], 3, 3),
        ([1, 2, 0], 1, 2),
    ],
)
def test_search_stops_at_the_first_worse_candidate(losses, best, tried):
    calls = []

    def loss(C: float) -> float:
        calls.append(C)
        return losses[int(C) - 1]

    assert choose_penalty([1.0, 2.0, 3.0, 4.0, 5.0][: len(losses)], loss) == best
    assert len(calls) == tried


def test_end_of_the_grid_is_named():
    assert describe_choice("svm", 10, [1, 10, 100]).endswith(
        "svm.C=auto: 10 has the smallest cross-validated log loss on train"
    )
    assert "it is the largest of the candidates, so try a larger value by hand, such as svm.C=1000" in describe_choice(
        "svm", 100, [1, 10, 100]
    )
    assert "smallest of the candidates, so try a smaller value by hand, such as svm.C=0.1" in describe_choice(
        "svm", 1, [1, 10]
    )
