"""The dense way to classify the windows of a scene: from one feature map of the whole scene."""

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from eurosat_transfer.data.colour_statistics import LOGS
from eurosat_transfer.precision import Precision
from eurosat_transfer.prediction.batches import classify_chunks
from eurosat_transfer.prediction.feature_correction import Correction, fit_correction, margins_of
from eurosat_transfer.prediction.feature_map import FeatureMap, tiling
from eurosat_transfer.prediction.gaps import fill_gaps
from eurosat_transfer.prediction.inference import Classifier, Outputs
from eurosat_transfer.prediction.network_parts import COLOURS, NetworkParts, NotDivisibleError, divide_network
from eurosat_transfer.prediction.part_inference import PartInference
from eurosat_transfer.prediction.resizing import resizing_matrix
from eurosat_transfer.prediction.scene_reader import Part, Scene
from eurosat_transfer.prediction.scene_windows import read_row
from eurosat_transfer.prediction.window_grid import Grid
from eurosat_transfer.prediction.window_store import WindowRow

SAMPLE_ROWS, SAMPLE_COLUMNS = 16, 16  # windows that are classified in both ways
LEAST = 64  # of them must have data everywhere
MOST_WORK = 0.5  # of the sliding way: with more the dense way does not pay
HEAD_BATCH = 32  # windows


def choose_dense(
    onnx: Path, scene: Scene, grid: Grid, max_nodata: float, precision: Precision
) -> "DenseWindows | None":
    """Prepare the dense way if it takes less than half of the work of the sliding way. A line says what was chosen.

    The choice depends on counted work and not on time, so that the same map has the same bytes everywhere.

    Args:
        onnx: path of the saved classifier.
        scene: an open scene.
        grid: the windows.
        max_nodata: a window with a larger share of pixels without data is left out.
        precision: of the computation.

    Returns:
        None if the sliding way is the better one.

    Raises:
        UserError: the scene is damaged.
    """
    try:
        parts = divide_network(onnx)
    except NotDivisibleError as reason:
        print(f"every window is classified by itself, because the network cannot be run over the scene: {reason}")
        return None
    work = DenseWindows.least_work(grid, parts)
    if work > MOST_WORK:
        return None
    dense = DenseWindows(scene, grid, parts, precision)
    correction = dense.learn(max_nodata)
    if correction is None:
        print("every window is classified by itself, because too few windows have data everywhere")
        return None
    if work + correction.doubtful > MOST_WORK:
        print(f"every window is classified by itself, because {correction.doubtful:.0%} of a sample would have to be")
        return None
    print(
        f"one feature map of the scene is used for all windows but about {correction.doubtful:.0%}, which are "
        "classified by themselves (--dense never: all are)"
    )
    return dense


class DenseWindows:
    """The windows of a scene, classified from one feature map.

    Windows that the correction of the features does not decide are classified one by one. Pixels without data get the
    colour of the nearest pixel with data, in or outside of the window.
    """

    def __init__(self, scene: Scene, grid: Grid, parts: NetworkParts, precision: Precision):
        """Compile the parts of the classifier.

        Args:
            scene: an open scene.
            grid: the windows.
            parts: of the classifier.
            precision: of the computation.
        """
        self._scene, self._grid, self._parts, self._precision = scene, grid, parts, precision
        window = grid.rows.window
        self._places = parts.size / window / parts.step  # of the map for each pixel of the scene
        self._map = FeatureMap(scene, parts, window, precision)
        side = window * self._places
        self._spans = ((0.0, side), (side / 4, side * 3 / 4))  # of a window, and of its middle
        lefts = grid.columns.starts * self._places
        self._columns = [overlaps(lefts + low, high - low, self._map.width) for low, high in self._spans]
        shapes = {"features": (HEAD_BATCH, parts.channels), "colours": (HEAD_BATCH, COLOURS)}
        self._head = PartInference(parts.head, shapes, precision)
        self._correction: Correction | None = None

    @staticmethod
    def least_work(grid: Grid, parts: NetworkParts) -> float:
        """Compute the work for the map and the sample, as a share of that of the sliding way.

        The sample needs a part of the map too, which is computed again for the rows of windows.
        """
        window = grid.rows.window
        rows, columns = (tiling(axis.length, parts.size / window, parts.step) for axis in grid)
        tile = rows.side * columns.side * parts.step**2 / parts.size**2
        tiles = (rows.number + min(rows.number, SAMPLE_ROWS)) * columns.number
        count = grid.shape[0] * grid.shape[1]
        return (tiles * tile + SAMPLE_ROWS * SAMPLE_COLUMNS) / count

    def learn(self, max_nodata: float) -> Correction | None:
        """Learn the correction from a sample of windows. None: too few of them have data everywhere.

        Args:
            max_nodata: a window with a larger share of pixels without data is left out.
        """
        with threadpool_limits(1, "blas"):  # another number of threads rounds differently
            self._correction = self._learn(max_nodata)
        return self._correction

    def _learn(self, max_nodata: float) -> Correction | None:
        rng = np.random.default_rng(0)
        count, columns = self._grid.shape
        inputs: list[np.ndarray] = []
        images: list[np.ndarray] = []
        for row in _draw(rng, count, SAMPLE_ROWS):
            content = read_row(self._scene, self._grid, row, max_nodata)
            chosen = _draw(rng, columns, SAMPLE_COLUMNS)
            chosen = chosen[content.complete[chosen]]
            if len(chosen):
                inputs.append(self._pool(row)[chosen])
                images += map(content.image, chosen)
        if len(images) < LEAST:
            return None
        return fit_correction(np.concatenate(inputs), self._exact_features(images), self._decide)

    def classify_rows(
        self, rows: Iterable[int], classifier: Classifier, max_nodata: float
    ) -> Generator[tuple[int, WindowRow]]:
        """Classify the windows of some rows.

        Args:
            rows: numbers of the rows, ascending.
            classifier: the whole classifier.
            max_nodata: a window with a larger share of pixels without data is left out.

        Yields:
            The number of a row and its content, in the order of the rows.

        Raises:
            UserError: the scene is damaged.
        """
        waiting: deque[tuple[int, Outputs, np.ndarray]] = deque()

        def doubtful_images() -> Iterator[list[np.ndarray | None]]:
            for row in rows:
                content = read_row(self._scene, self._grid, row, max_nodata)
                outputs, doubtful = self._classify(row, content.part)
                outputs.probabilities[~content.accepted], outputs.distances[~content.accepted] = np.nan, np.nan
                waiting.append((row, outputs, content.missing))
                yield content.images(doubtful)

        with threadpool_limits(1, "blas"):
            for exact in classify_chunks(classifier, doubtful_images()):
                row, outputs, missing = waiting.popleft()
                known = ~np.isnan(exact.distances)
                outputs.probabilities[known] = exact.probabilities[known]
                outputs.distances[known] = exact.distances[known]
                yield row, WindowRow(outputs.probabilities, outputs.distances, missing)

    def _classify(self, row: int, part: Part) -> tuple[Outputs, np.ndarray]:
        """Classify a row of windows, and tell which of them are doubtful."""
        assert self._correction is not None  # learn comes first
        features = self._correction.apply(self._pool(row))
        has_gaps = part.missing.any() and not part.missing.all()
        pixels = fill_gaps(part.image, part.missing) if has_gaps else part.image
        colours = _colours(pixels, self._grid.columns.starts)
        probabilities, by_features, by_colours = self._apply_head(features, colours)
        distances = np.maximum(by_features * np.float32(self._correction.distance_factor), by_colours)
        return Outputs(probabilities, distances), margins_of(probabilities) < self._correction.margin

    def _pool(self, row: int) -> np.ndarray:
        """Average the map under each window of a row, and under its middle: float32, (columns, 2 * channels)."""
        top, side = self._grid.rows.starts[row] * self._places, self._grid.rows.window * self._places
        places = self._map.read(int(top), math.ceil(top + side))
        flat = places.reshape(len(places), -1)
        pooled = []
        for (low, high), columns in zip(self._spans, self._columns, strict=True):
            rows = overlaps(np.array([top + low - int(top)]), high - low, len(places))
            pooled.append(columns @ (rows @ flat).reshape(places.shape[1:]))
        return np.concatenate(pooled, axis=1)

    def _exact_features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Compute features as the sliding way does: float32, (n, channels)."""
        size, window = self._parts.size, self._grid.rows.window
        matrix = resizing_matrix(window, size / window, 0, size)
        network = PartInference(self._parts.feature_map, {"images": (1, 3, size, size)}, self._precision)

        def resize(image: np.ndarray) -> dict[str, np.ndarray]:
            planes = np.moveaxis(image, -1, 0).astype(np.float32)
            return {"images": np.stack([(matrix @ (matrix @ plane).T).T for plane in planes])[None]}

        maps = (self._parts.places_first(outputs["map"])[0] for outputs in network.infer(map(resize, images)))
        return np.stack([places.mean(axis=(0, 1)) for places in maps])

    def _decide(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities, distances, _ = self._apply_head(features, np.zeros((len(features), COLOURS), np.float32))
        return probabilities, distances

    def _apply_head(self, features: np.ndarray, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        count = len(features)
        missing = -count % HEAD_BATCH  # a batch of another size rounds differently
        features, colours = (np.pad(rows, ((0, missing), (0, 0)), mode="edge") for rows in (features, colours))
        batches = (
            {"features": features[start : start + HEAD_BATCH], "colours": colours[start : start + HEAD_BATCH]}
            for start in range(0, len(features), HEAD_BATCH)
        )
        outputs = list(self._head.infer(batches))
        probabilities, by_features, by_colours = (
            np.concatenate([output[name] for output in outputs])[:count]
            for name in ("probabilities", "feature_distance", "colour_distance")
        )
        return probabilities, by_features, by_colours


def _draw(rng: np.random.Generator, length: int, count: int) -> np.ndarray:
    """Draw a number from each of up to so many equal parts of a range."""
    edges = np.linspace(0, length, min(length, count) + 1).astype(int)
    return rng.integers(edges[:-1], edges[1:])


def overlaps(starts: np.ndarray, length: float, places: int) -> csr_array:
    """Compute the share that each place has in intervals on a line of places of length 1.

    Args:
        starts: float64, (n,), of the intervals.
        length: of the intervals.
        places: number of places.

    Returns:
        float32, (n, places), with a sum of 1 in each row.
    """
    numbers = starts.astype(int)[:, None] + np.arange(math.ceil(length) + 1)
    shares = np.minimum(numbers + 1, starts[:, None] + length) - np.maximum(numbers, starts[:, None])
    used = (shares > 0) & (numbers < places)
    rows = np.broadcast_to(np.arange(len(starts))[:, None], numbers.shape)
    shape = (len(starts), places)
    return csr_array(((shares[used] / length).astype(np.float32), (rows[used], numbers[used])), shape=shape)


def _colours(pixels: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Compute the colour statistics of a row of windows: float32, (columns, 6).

    Args:
        pixels: uint8, (window, width, 3).
        starts: first column of each window.
    """
    logs = LOGS[pixels]
    columns = np.concatenate([logs.sum(axis=0), (logs**2).sum(axis=0)], axis=1)
    sums = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])
    means = (sums[starts + len(pixels)] - sums[starts]) / len(pixels) ** 2
    deviations = np.sqrt(np.maximum(means[:, 3:] - means[:, :3] ** 2, 0))
    return np.concatenate([means[:, :3], deviations], axis=1).astype(np.float32)
