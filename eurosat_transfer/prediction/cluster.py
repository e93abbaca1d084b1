"""Predictions on the nodes of a Ray cluster, see eurosat_transfer.io.ray_cluster.

This module is imported only if RAY_ADDRESS is set. This machine reads the files, so that no other machine needs them.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import cache

from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.io.ray_cluster import MAX_RETRIES, RayCluster, ray
from eurosat_transfer.precision import Precision
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.predictor import LocalPredictor
from eurosat_transfer.prediction.progress import ChunkResults
from eurosat_transfer.prediction.saved_model import SavedModel
from eurosat_transfer.prediction.sources import Source, UnreadableError, read_source

Content = bytes | str  # of an image file, or why it cannot be read


class ClusterPredictor:
    """A saved classifier and its rendering, on the cluster at RAY_ADDRESS."""

    def __init__(self, cluster: RayCluster, model: SavedModel, rendering: Rendering, precision: Precision):
        """Send the classifier.

        Args:
            cluster: the cluster.
            model: the saved model.
            rendering: makes RGB images of rasters.
            precision: of the computation.
        """
        self._cluster, self._rendering = cluster, rendering
        self._fingerprint = Classifier(model.onnx, 1, model.description.tile_size, precision).fingerprint()
        self._model = ray.put(model.onnx.read_bytes()), cluster.cores, model.description.tile_size, precision

    def predict(self, chunks: Iterable[list[Source]]) -> Iterator[ChunkResults]:
        """Classify chunks of images, see LocalPredictor.predict.

        Raises:
            UserError: a node lacks packages, or the cluster is lost.
        """
        calls = ((self._model, self._rendering, [_read(source) for source in chunk]) for chunk in chunks)
        warned = False
        for results, fingerprint in self._cluster.map(_predict_chunk, calls):
            if fingerprint != self._fingerprint and not warned:
                warned = True
                print(
                    "warning: the last bits of probabilities may differ from those of this machine, because a node has "
                    "another processor or other software",
                    file=sys.stderr,
                )
            yield results


def _read(source: Source) -> Content:
    try:
        return read_source(source)
    except UnreadableError as error:
        return str(error)


def _get_content(content: Content) -> bytes:
    if isinstance(content, str):
        raise UnreadableError(content)
    return content


@ray.remote(max_retries=MAX_RETRIES)
def _predict_chunk(
    model: "tuple[ray.ObjectRef, int, tuple[int, int], Precision]", rendering: Rendering, chunk: list[Content]
) -> tuple[ChunkResults, str]:
    classifier, fingerprint = _load(*model)
    (results,) = LocalPredictor(classifier, rendering, _get_content, threads=model[1]).predict([chunk])
    return results, fingerprint


@cache  # a worker process loads the classifier once for all chunks
def _load(
    onnx: "ray.ObjectRef", threads: int, tile_size: tuple[int, int], precision: Precision
) -> tuple[Classifier, str]:
    classifier = Classifier(ray.get(onnx), threads, tile_size, precision)
    return classifier, classifier.fingerprint()
