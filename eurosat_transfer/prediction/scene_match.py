"""Check that the colours of a scene are like those of the training tiles.

A wrong scale, a wrong order of the bands or an offset spoils a map more than a weak model does. The check asks whether
another scale, offset or order would fit the training tiles much better than the one that was given.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple, Protocol

import numpy as np

from eurosat_transfer.errors import UserError

CHANNELS = ("red", "green", "blue")
QUANTILES = (np.arange(50) + 0.5) / 50
TOP = 255  # rendered values are 1 to 255; 0 is nodata

# Surface reflectance lacks the light that air scatters, which a satellite measures too: up to 0.03, 0.045 and 0.075 in
# red, green and blue. EuroSAT's tiles show reflectances of 0 to 0.275 with that light. So a scene may be darker than
# the training tiles by these shares of the values.
HAZE = np.array([0.03, 0.045, 0.075]) / 0.275

# Distances are in standard deviations of the training tiles. The limits were chosen with a scene of surface reflectance
# and with EuroSAT's tiles. Bright scenes have a wider limit, because single classes (industry, bare fields) reach 1.2,
# and because a black scene is only 1.3 away: HAZE brings it nearer.
DARK_LIMIT, BRIGHT_LIMIT = 0.8, 1.25
CHANNEL_LIMIT = 1.5  # of a single channel
MUCH_BETTER = 0.5  # another scale, offset or order must bring the distance below this share
ABOUT_AS_GOOD = 1.5  # of scales within this factor of the smallest distance, the most usual one is suggested

USUAL_SPANS = (2.75, 1, 5, 2)  # times a power of ten, the most usual one first: EuroSAT's own scale is 0 to 2,750
POWERS = 10.0 ** np.arange(-3, 6)
SCALE_FACTOR = 2.5  # of two scales that the check can tell apart
# Since 2022, ESA adds 1,000 to reflectances times 10,000. Scenes of reflectances times 1,000 or 1 have less.
OFFSETS = (1000.0, 100.0, 0.1)
LEAST_OFFSET = 0.1  # of an offset that the check can notice, as a share of the scale
MOST_OFFSET = 4  # a scene of reflectances times 1,000, to which 1,000 was added, has 3.6

CLEAR_ORDER = 1.4  # two channels of the training tiles, of which one varies at least so many times as much
OPPOSITE_ORDER = 0.8  # the same two channels of the scene are swapped if it varies at most so many times as much
ALIKE = 1.1  # the distance of the swapped channels may be larger by this factor


class Rendered(Protocol):
    """How the bands of a raster became red, green and blue of 1 to 255.

    Attributes:
        bands: numbers of the bands of red, green and blue, from 1. None: the first three.
        scale: the values that became 1 and 255. None: 8-bit values, which stayed as they were.
    """

    @property
    def bands(self) -> Sequence[int] | None:
        """Numbers of the bands."""

    @property
    def scale(self) -> Sequence[float] | None:
        """The lowest and the highest value."""


class _Scale(NamedTuple):
    low: float
    high: float

    def render(self, raw: np.ndarray) -> np.ndarray:
        return np.clip(1 + (raw - self.low) * (TOP - 1) / (self.high - self.low), 1, TOP)

    def invert(self, values: np.ndarray) -> np.ndarray:
        return self.low + (values - 1) * (self.high - self.low) / (TOP - 1)


class _Colours:
    """The distribution of red, green and blue in a scene or in the training tiles."""

    def __init__(self, histograms: np.ndarray) -> None:
        self.counts = np.array(histograms, np.float64)
        self.counts[:, 0] = 0
        self.empty = not self.counts.sum(axis=1).all()

    @property
    def values(self) -> np.ndarray:
        """The quantiles of each channel, float64, (3, 50)."""
        reached = self.counts.cumsum(axis=1) / self.counts.sum(axis=1, keepdims=True)
        return np.array([np.searchsorted(channel, QUANTILES) for channel in reached], np.float64)

    @property
    def medians(self) -> str:
        return ", ".join(f"{median:.0f}" for median in np.median(self.values, axis=1))


def check_scene(
    scene: np.ndarray,
    training: np.ndarray,
    rendering: Rendered,
    sample: np.ndarray | None = None,
    name: str = "the scene",
) -> None:
    """Refuse a scene whose channels are far from those of the training tiles.

    The distance of a channel is the mean difference between its quantiles and those of training, in standard deviations
    of training. A scene is refused in four cases: it is far away and another order, scale or offset would at least
    halve the distance; all of it is too dark or too bright for any training tile; one or two channels are far away
    while the others are not; or two channels vary the other way around. Everything else that is unusual is accepted,
    because a small scene often shows one or two classes only.

    It does not notice a scale that is wrong by a factor below 2.5, nor a band that looks much like the right one, such
    as red edge in place of red.

    Args:
        scene: int, (3, 256), counts of the rendered values of red, green and blue. Value 0 is nodata and not used.
        training: int, (3, 256), the same of the training tiles.
        rendering: how the scene was rendered.
        sample: float or int, (3, n), values of these bands before scaling, without nodata, from all over the scene;
            10,000 are plenty. Without a sample, the values come from the histograms, which do not tell how far values
            lay outside the scale.
        name: of the scene, in the message.

    Raises:
        UserError: the scene is far from the training tiles. The message says what it looks like and which option mends
            it.

    Source:
        The mean difference between quantiles is the Wasserstein distance of order 1: Ramdas et al., 2017, On
        Wasserstein two-sample testing and related families of nonparametric tests, Entropy 19.
        The offset of 2022: https://sentiwiki.copernicus.eu/web/s2-processing, baseline 04.00.
    """
    found, expected = _Colours(scene), _Colours(training)
    if found.empty or expected.empty:  # only nodata
        return
    values, wanted = found.values, expected.values
    given = _Scale(*(rendering.scale or (1, TOP)))
    raw = given.invert(values) if sample is None else np.quantile(sample, QUANTILES, axis=1).T
    medians = f"medians of red, green and blue are {found.medians} of 255 (training tiles: {expected.medians})"

    distances = _distances(values, wanted)
    far = distances > CHANNEL_LIMIT
    bright = bool((values.mean(axis=1) > wanted.mean(axis=1)).all())
    finding = f"{name} is far {'brighter' if bright else 'darker'} than the training tiles: {medians}. It looks like"
    hidden = sample is None and np.isin(np.median(values, axis=1), (1, TOP)).all()
    if not hidden and (distances.mean() > (BRIGHT_LIMIT if bright else DARK_LIMIT) or far.any()):
        limit = MUCH_BETTER * distances.mean()
        order = min(permutations(range(3)), key=lambda order: _distances(values[list(order)], wanted).mean())
        if _distances(values[list(order)], wanted).mean() < limit:
            raise _wrong_order(rendering, order, medians, name)
        scale, fit = _find_scale(raw, wanted, given, np.inf if rendering.scale else TOP)
        if fit < limit:
            is_offset = scale.low not in (0, given.low)
            looks = f"an offset of {scale.low:g} (ESA adds 1000 since 2022)" if is_offset else "a wrong scale"
            raise UserError(f"{finding} {looks}: try --scale {scale.low:g},{scale.high:g}, or go on with --force")
    if hidden or far.all() or (values[:, -1] < wanted[:, 0]).all():
        raise UserError(
            f"{finding} a wrong scale: give the values that become black and white with --scale LOW,HIGH, or go on "
            "with --force"
        )
    if far.any() and distances[~far].max() < DARK_LIMIT:
        names = " and ".join(CHANNELS[channel] for channel in np.flatnonzero(far))
        raise UserError(
            f"the values of {names} of {name} are far from the training tiles: {medians}. It looks like another band, "
            f"such as near infrared: give the bands of red, green and blue with --bands (now {_list_bands(rendering)}),"
            " or go on with --force"
        )
    _check_variation(values, wanted, rendering, name)


def _check_variation(values: np.ndarray, wanted: np.ndarray, rendering: Rendered, name: str) -> None:
    """Refuse a scene of which two channels vary the other way around than in the training tiles.

    Medians cannot tell red from blue in a scene of surface reflectance, but red varies more: vegetation and water are
    dark in both, and bare soil and roofs are brighter in red.
    """
    variation, expected = values.std(axis=1) + 0.3, wanted.std(axis=1) + 0.3  # 0.3: of rounding
    for first, second in permutations(range(3), 2):
        ratio, usual = variation[first] / variation[second], expected[first] / expected[second]
        order = list(range(3))
        order[first], order[second] = second, first
        # Green fields and woods vary as little in red as in blue. In tiles that show the air, blue is brighter.
        nearer = _distances(values[order], wanted, 0).mean() < ALIKE * _distances(values, wanted, 0).mean()
        if usual > CLEAR_ORDER and ratio < OPPOSITE_ORDER and nearer:
            raise _wrong_order(
                rendering,
                order,
                f"{CHANNELS[first]} varies {ratio:.1f} times as much as {CHANNELS[second]} (training tiles: "
                f"{usual:.1f} times)",
                name,
            )


def _distances(values: np.ndarray, wanted: np.ndarray, haze: float = 1) -> np.ndarray:
    """Compute the distance of each channel, after the best choice of up to so much haze, float64, (3,)."""
    light = haze * HAZE[:, None] * (TOP - 1) * np.linspace(0, 1, 15)
    shifted = values[:, None] + light[..., None]
    nearest = np.abs(shifted - wanted[:, None]).mean(axis=2).min(axis=1)
    return nearest / np.maximum(wanted.std(axis=1), 1)


def _find_scale(raw: np.ndarray, wanted: np.ndarray, given: _Scale, ceiling: float) -> tuple[_Scale, float]:
    """Find the most usual one of the scales that fit about as well as the best. Return it and the best distance."""
    scales = [scale for scale in _list_scales(given, raw.min()) if scale.high <= ceiling]
    fits = [float(_distances(scale.render(raw), wanted).mean()) for scale in scales]
    return scales[next(place for place, fit in enumerate(fits) if fit <= ABOUT_AS_GOOD * min(fits))], min(fits)


def _list_scales(given: _Scale, lowest: float) -> Iterator[_Scale]:
    """List scales that the check can tell from the given one, the most usual one first."""
    span = given.high - given.low
    for other in (span, *np.outer(USUAL_SPANS, POWERS).ravel()):
        for low in (0.0, *OFFSETS):
            same_low = abs(low - given.low) < LEAST_OFFSET * span
            same_span = 1 / SCALE_FACTOR < other / span < SCALE_FACTOR
            noticeable = low == 0 or LEAST_OFFSET <= low / other < MOST_OFFSET
            # Without this, a bright town looks like a scene with an offset. But the values of such a scene cannot lie
            # below the offset.
            possible = low <= lowest
            if noticeable and possible and not (same_low and same_span):
                yield _Scale(low, round(float(low + other), 6))


def _wrong_order(rendering: Rendered, order: Sequence[int], finding: str, name: str) -> UserError:
    """Make the error for bands in another order than the training tiles'."""
    bands = [(rendering.bands or (1, 2, 3))[channel] for channel in order]
    names = " and ".join(CHANNELS[place] for place, channel in enumerate(order) if place != channel)
    return UserError(
        f"{names} of {name} are unlike the training tiles: {finding}. It looks like bands in the wrong order: try "
        f"--bands {','.join(map(str, bands))} (now {_list_bands(rendering)}), or go on with --force"
    )


def _list_bands(rendering: Rendered) -> str:
    return ",".join(map(str, rendering.bands or (1, 2, 3)))
