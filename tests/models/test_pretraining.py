import numpy as np
import pytest
from conftest import REPOSITORY

from eurosat_transfer.data.drawings.textures import draw_textures
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import pretraining
from eurosat_transfer.models.pretraining import BATCH, pretrain
from eurosat_transfer.networks.backbones import FOLDER, WEIGHTS_FILE, find_preprocess
from eurosat_transfer.networks.tilenet import tilenet
from eurosat_transfer.parameters.backbone import Backbone, Pretrain
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.tensorflow_setup import make_reproducible, tf
from stages import backbone


def parameters(images: int = 192, epochs: int = 2) -> Backbone:
    defaults = load_section(Backbone, REPOSITORY / "params.yaml")
    pretrain = Pretrain(images=images, epochs=epochs, threads=2)
    return defaults.model_copy(update={"image_size": 16, "pretrain": pretrain})


@pytest.mark.slow
def test_pretraining_uses_the_textures_that_are_not_held_out(tmp_path, monkeypatch):
    """fit() gets the order of the images for training and the batches for validation."""
    calls, fit = [], pretraining.fit

    def recorded_fit(model, order, batch_size, load, validation, checkpoint):
        calls.append((model, order, [labels for _, labels in validation.as_numpy_iterator()]))
        return fit(model, order, batch_size, load, validation, checkpoint)

    monkeypatch.setattr(pretraining, "fit", recorded_fit)
    make_reproducible(0)
    model = tilenet(16)
    start = model.get_weights()
    pretrain(model, parameters(images=220), tmp_path / "checkpoint.npz")
    ((classifier, order, validation),) = calls
    assert order.shape == (2, 3 * BATCH)
    assert order.max() < 209  # a twentieth of 220 is held out: the last 11
    assert np.concatenate(validation).tolist() == [number % 64 for number in range(209, 220)]
    assert int(classifier.optimizer.iterations) == 2 * 3
    assert float(classifier.optimizer.learning_rate) < 0.003 / 2  # it has fallen along the cosine
    assert all(not np.array_equal(old, new) for old, new in zip(start, model.get_weights(), strict=True))


@pytest.mark.slow
def test_pretraining_learns_from_random_quarters_and_starts_from_the_weights_of_the_network(tmp_path, monkeypatch):
    seen = []

    def look(classifier, order, batch_size, load, validation, checkpoint):  # noqa: ARG001, the signature is fit's
        quarters = [load(tf.constant(epoch), tf.constant(number))[0].numpy() for epoch in (0, 1) for number in (3, 4)]
        seen.append((classifier.layers[0].get_weights(), quarters))

    monkeypatch.setattr(pretraining, "fit", look)
    make_reproducible(0)
    model = tilenet(64)
    start = [weight.tobytes() for weight in model.get_weights()]
    pretrain(model, parameters(images=192).model_copy(update={"image_size": 64}), tmp_path / "checkpoint.npz")
    ((weights, quarters),) = seen
    assert [weight.tobytes() for weight in weights] == start
    textures, _ = draw_textures(5, 64, 0)
    for quarter, number in zip(quarters, (3, 4, 3, 4), strict=True):
        whole = find_preprocess("tilenet")(textures[number].astype(np.float32))
        views = np.lib.stride_tricks.sliding_window_view(np.asarray(whole), (32, 32, 3))[:, :, 0]
        assert quarter.shape == (32, 32, 3)
        assert (views == quarter).all(axis=(2, 3, 4)).any()
    assert not np.array_equal(quarters[0], quarters[2])  # another epoch


@pytest.mark.slow
def test_stage_pretrains_tilenet_to_the_same_bits(world):
    changes = {"backbone.pretrain.images": 256, "backbone.image_size": 16}
    world(**changes, **{"backbone.weights": "auto"})
    weights = []
    for _ in range(2):
        backbone.main()
        weights.append((FOLDER / WEIGHTS_FILE).read_bytes())
    assert weights[0] == weights[1]
    world(**changes, **{"backbone.weights": "none"})
    backbone.main()
    assert (FOLDER / WEIGHTS_FILE).read_bytes() != weights[0]
    assert read_json("metrics/backbone.json")["descriptor_size"] == 128
