"""Fine-tuning on two devices, which TensorFlow makes of a CPU, and on a GPU if there is one."""

import json
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run, write_tree

from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.features import inference
from eurosat_transfer.features.inference import load_network
from eurosat_transfer.networks import accelerators
from eurosat_transfer.tensorflow_setup import keras, tf
from stages import backbone, download, split

FINETUNE = """
import json, sys
from pathlib import Path
import numpy as np
from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.features.inference import Network
from eurosat_transfer.models import finetuning
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.tensorflow_setup import keras, tf

devices, half, epochs, checkpoint = int(sys.argv[1]), sys.argv[2] == "half", int(sys.argv[3]), Path(sys.argv[4])
if devices:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
# As on GPUs:
if half:
    finetuning.use_half_precision = lambda: keras.config.set_dtype_policy("mixed_float16")
if devices == 2:
    finetuning.training_strategy = lambda max_replicas: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
dataset, selection = open_selection()
tiles = selection.read(dataset)
every_epoch = finetuning.shuffled_epochs
finetuning.shuffled_epochs = lambda *arguments: every_epoch(*arguments)[:epochs]  # as if killed after these epochs
tuned = finetuning.finetune(tiles["train"], tiles["val"], 3, True, load_section(Finetune), checkpoint)
test = finetuning.predict_tiles(Network(tuned.model, tuned.preprocess), tiles["test"], "test", False)
np.savez("result.npz", test.probabilities, *tuned.model.get_weights())
history = tuned.history.history
print(json.dumps({
    "replicas": tuned.model.distribute_strategy.num_replicas_in_sync,
    "losses": history["loss"] + history["val_loss"],
    "types": sorted({test.probabilities.dtype.name} | {weight.dtype for weight in tuned.model.weights}),
    "type of computation": tuned.model.layers[1].compute_dtype,
    "type of outputs": tuned.model.outputs[0].dtype,
    "synchronized": tuned.model.layers[2].synchronized,
    "device": tuned.model.weights[0].value.device[-5:],
}))
"""
needs_gpu = pytest.mark.skipif(not accelerators.gpus(), reason="TensorFlow sees no GPU")
without_gpu = pytest.mark.skipif(bool(accelerators.gpus()), reason="TensorFlow sees a GPU")


@pytest.fixture
def finetune(world, tmp_path):
    """Fine-tune in another process, on some devices that are made of a CPU, or on the real ones if there are 0.

    The fixture returns what the process printed, the JSON of its last line, and predictions and weights.
    """
    tree = write_tree(tmp_path / "images", classes=3)
    images = {
        "data.name": "folder",
        "data.path": str(tree),
        "split.train": 32,
        "split.val": 25,  # leaves a batch of one image
    }
    world(**images)
    for stage in (download, split, backbone):
        stage.main()

    def finetuned(devices, precision="full", epochs=3, checkpoint="none", **changes):
        small = {"finetune.head_epochs": 3, "finetune.epochs": 3, "finetune.batch_size": 8}
        folder = world(**images, **small, **{f"finetune.{key}": value for key, value in changes.items()})
        arguments = (str(devices), precision, str(epochs), f"{checkpoint}{devices}{precision}.npz")
        hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if devices else {}
        result = run(sys.executable, "-c", FINETUNE, *arguments, cwd=folder, PYTHONPATH=str(REPOSITORY), **hidden)
        assert result.returncode == 0, result.stderr[-3000:]
        with np.load("result.npz") as file:
            arrays = [file[name] for name in file.files]
        assert all(np.isfinite(array).all() for array in arrays)
        return result.stdout, json.loads(result.stdout.splitlines()[-1]), arrays

    return finetuned


@pytest.mark.slow
def test_two_devices_learn_what_one_learns(finetune):
    plain = {"optimizer": "sgd", "lr": 0.01, "dropout": 0.0, "clipnorm": None}
    (_, one, alone), (_, two, together) = finetune(1, **plain), finetune(2, **plain)
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert (one["synchronized"], two["synchronized"]) == (False, True)
    assert two["losses"] == pytest.approx(one["losses"], rel=5e-3)  # rounding differs, and training amplifies it
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)


@pytest.mark.slow
def test_training_in_half_precision_on_two_devices_resumes_to_the_same_bytes(finetune):
    _, found, uninterrupted = finetune(2, "half")
    assert (found["replicas"], found["types"]) == (2, ["float32"])
    assert (found["type of computation"], found["type of outputs"]) == ("float16", "float32")
    assert np.isfinite(found["losses"]).all()
    finetune(2, "half", epochs=2, checkpoint="killed")
    output, _, resumed = finetune(2, "half", checkpoint="killed")
    assert "resuming at epoch 3 of 3" in output
    assert all(np.array_equal(a, b) for a, b in zip(uninterrupted, resumed, strict=True))


@needs_gpu
@pytest.mark.slow
def test_training_on_a_gpu_uses_half_precision_and_resumes_to_the_same_bytes(finetune):
    _, found, uninterrupted = finetune(0)
    assert found["device"] == "GPU:0"
    types = (found["type of computation"], found["type of outputs"], found["types"])
    assert types == ("float16", "float32", ["float32"])
    finetune(0, epochs=2, checkpoint="killed")
    output, _, resumed = finetune(0, checkpoint="killed")
    assert "resuming at epoch 3 of 3" in output
    assert all(np.array_equal(a, b) for a, b in zip(uninterrupted, resumed, strict=True))


@needs_gpu
@pytest.mark.slow
def test_features_of_a_gpu_are_close_to_those_of_the_cpu(world, monkeypatch):
    world()
    for stage in (download, split, backbone):
        stage.main()
    dataset, selection = open_selection()
    images = selection.read(dataset)["test"].images
    by_gpu, again = (load_network(preprocess=True).predict(images, "test") for _ in range(2))
    assert np.array_equal(by_gpu, again)
    monkeypatch.setattr(inference, "gpus", list)
    by_cpu = load_network(preprocess=True).predict(images, "test")
    assert not np.array_equal(by_gpu, by_cpu)  # TensorFlow computed the first ones, OpenVINO the others
    np.testing.assert_allclose(by_gpu, by_cpu, rtol=1e-4, atol=1e-5 * by_cpu.max())


def batch_sizes(count: int, size: int) -> list[int]:
    batches = accelerators.batches(tf.data.Dataset.range(count), count, size)
    assert [image for batch in batches for image in batch.numpy().tolist()] == list(range(count))
    return [len(batch) for batch in batches]


@without_gpu
def test_nothing_changes_without_a_gpu():
    accelerators.use_half_precision()
    assert keras.config.dtype_policy().name == "float32"
    assert accelerators.training_strategy(8) is tf.distribute.get_strategy()
    assert accelerators.replicas() == 1
    assert batch_sizes(25, 8) == [8, 8, 8, 1]
    assert batch_sizes(25, 5) == [5] * 5
    assert batch_sizes(3, 8) == [3]


def test_final_batch_that_is_too_small_for_the_replicas_joins_the_previous_one(monkeypatch):
    monkeypatch.setattr(accelerators, "replicas", lambda: 3)
    assert batch_sizes(26, 8) == [8, 8, 10]
    assert batch_sizes(27, 8) == [8, 8, 8, 3]
    assert batch_sizes(24, 8) == [8, 8, 8]


@pytest.fixture
def pretend_gpus(monkeypatch):
    """Let TensorFlow see GPUs with these compute capabilities; None is a GPU that is not NVIDIA's."""

    def pretend(*capabilities: tuple[int, int] | None) -> None:
        details = [{} if capability is None else {"compute_capability": capability} for capability in capabilities]
        monkeypatch.setattr(accelerators, "gpus", lambda: details)

    yield pretend
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("capabilities", "policy"),
    [
        ([(7, 0)], "mixed_float16"),
        ([(9, 0), (8, 6)], "mixed_float16"),
        ([(6, 1)], "float32"),
        ([(9, 0), (6, 1)], "float32"),
        ([None], "float32"),
    ],
)
def test_half_precision_needs_units_for_it_on_every_gpu(pretend_gpus, capabilities, policy):
    pretend_gpus(*capabilities)
    accelerators.use_half_precision()
    assert keras.config.dtype_policy().name == policy


def test_training_strategy_has_a_replica_on_each_gpu_that_gets_an_image(pretend_gpus, monkeypatch):
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", list)
    pretend_gpus((7, 0), (7, 0), (7, 0))
    assert accelerators.training_strategy(8) == ["GPU:0", "GPU:1", "GPU:2"]
    assert accelerators.training_strategy(2) == ["GPU:0", "GPU:1"]
    assert accelerators.training_strategy(1) is tf.distribute.get_strategy()
    pretend_gpus((7, 0))
    assert accelerators.training_strategy(8) is tf.distribute.get_strategy()
