"""The choice of the penalty C by cross-validation."""

from collections.abc import Callable, Sequence


def choose_penalty(candidates: Sequence[float], loss: Callable[[float], float]) -> float:
    """Choose the candidate with the smallest loss.

    The candidates are tried from the smallest to the largest, and the search stops at the first one that is worse than
    the best before it. Large values take the longest to fit.

    Args:
        candidates: values of C, in increasing order.
        loss: computes the cross-validated loss for a value of C.

    Returns:
        The best candidate that was tried, and the smallest of those that are equally good.
    """
    best, smallest_loss = candidates[0], loss(candidates[0])
    for C in candidates[1:]:
        found = loss(C)
        if found > smallest_loss:
            break
        if found < smallest_loss:
            best, smallest_loss = C, found
    return best


def describe_choice(stage: str, C: float, candidates: Sequence[float]) -> str:
    """Say which penalty was chosen, and whether a value beyond the candidates might be better.

    Args:
        stage: name of the classifier.
        C: the chosen value.
        candidates: in increasing order.
    """
    text = f"{stage}.C=auto: {C:g} has the smallest cross-validated log loss on train"
    if C in (candidates[0], candidates[-1]):
        end, direction = ("smallest", "smaller") if candidates[0] == C else ("largest", "larger")
        text += f"; it is the {end} of the candidates, so try a {direction} value by hand, such as {stage}.C="
        text += f"{C / 10:g}" if candidates[0] == C else f"{C * 10:g}"
    return text
