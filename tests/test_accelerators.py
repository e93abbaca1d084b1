"""Fine-tuning on two devices, which TensorFlow makes of a CPU, and on a GPU, where there is one."""

import json
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run, write_tree

from stages import backbone, download, split
from stages.common import accelerators, inference, tiles
from stages.common.tensorflow import keras, tf

TUNE = """
import json, sys
from pathlib import Path
import numpy as np
from stages import finetune
from stages.common.params import load_params
from stages.common.tensorflow import keras, tf

devices, half, epochs, checkpoint = int(sys.argv[1]), sys.argv[2] == "half", int(sys.argv[3]), Path(sys.argv[4])
if devices:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
# As on GPUs:
if half:
    finetune.half_precision = lambda: keras.config.set_dtype_policy("mixed_float16")
if devices == 2:
    finetune.every_gpu = lambda at_most: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
params, tiles = load_params().finetune, finetune.load_tiles()
every_epoch = finetune.shuffled_epochs
finetune.shuffled_epochs = lambda *arguments: every_epoch(*arguments)[:epochs]  # as if killed after so many
model, prepare, history = finetune.tune(tiles, 3, True, params, checkpoint)
said = finetune.predict(finetune.Network(model, prepare), tiles["test"], "test", False)
np.savez("result.npz", said.probabilities, *model.get_weights())
print(json.dumps({
    "copies": model.distribute_strategy.num_replicas_in_sync,
    "losses": history.history["loss"] + history.history["val_loss"],
    "types": sorted({said.probabilities.dtype.name} | {weight.dtype for weight in model.weights}),
    "computed in": model.layers[1].compute_dtype,
    "answers in": model.outputs[0].dtype,
    "placed on": model.weights[0].value.device[-5:],
}))
"""
needs_gpu = pytest.mark.skipif(not accelerators.gpus(), reason="TensorFlow sees no GPU")


@pytest.fixture
def tune(world, tmp_path):
    """Fine-tune in a process of its own; what it says, and predictions and weights.

    On so many devices made of a CPU, or by 0 on what there is.
    """
    tree = write_tree(tmp_path / "mine", classes=3)
    mine = {
        "data.name": "folder",
        "data.path": str(tree),
        "split.train": 32,
        "split.val": 25,
    }  # 25: a batch of one left
    world(**mine)
    for stage in (download, split, backbone):
        stage.main()

    def tuned(devices, precision="full", epochs=3, checkpoint="none", **changes):
        small = {"finetune.head_epochs": 3, "finetune.epochs": 3, "finetune.batch_size": 8}
        folder = world(**mine, **small, **{f"finetune.{key}": value for key, value in changes.items()})
        arguments = (str(devices), precision, str(epochs), f"{checkpoint}{devices}{precision}.npz")
        hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if devices else {}
        result = run(sys.executable, "-c", TUNE, *arguments, cwd=folder, PYTHONPATH=str(REPOSITORY), **hidden)
        assert result.returncode == 0, result.stderr[-3000:]
        with np.load("result.npz") as file:
            arrays = [file[name] for name in file.files]
        assert all(np.isfinite(array).all() for array in arrays)
        return result.stdout, json.loads(result.stdout.splitlines()[-1]), arrays

    return tuned


def test_two_devices_learn_what_one_learns(tune):
    plain = {"optimizer": "sgd", "lr": 0.01, "dropout": 0.0, "clipnorm": None}
    (_, one, alone), (_, two, together) = tune(1, **plain), tune(2, **plain)
    assert (one["copies"], two["copies"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)  # round-off, grown in training


def test_in_half_precision_on_two_devices_it_goes_on_to_the_same_bytes(tune):
    _, said, whole = tune(2, "half")
    assert (said["copies"], said["types"]) == (2, ["float32"])
    assert (said["computed in"], said["answers in"]) == ("float16", "float32")
    assert np.isfinite(said["losses"]).all()
    tune(2, "half", epochs=2, checkpoint="killed")
    output, _, resumed = tune(2, "half", checkpoint="killed")
    assert "resuming at epoch 3 of 3" in output
    assert all(np.array_equal(a, b) for a, b in zip(whole, resumed, strict=True))


@needs_gpu
def test_on_a_gpu_it_computes_in_half_precision_and_goes_on_to_the_same_bytes(tune):
    _, said, whole = tune(0)
    assert said["placed on"] == "GPU:0"
    assert (said["computed in"], said["answers in"], said["types"]) == ("float16", "float32", ["float32"])
    tune(0, epochs=2, checkpoint="killed")
    output, _, resumed = tune(0, checkpoint="killed")
    assert "resuming at epoch 3 of 3" in output
    assert all(np.array_equal(a, b) for a, b in zip(whole, resumed, strict=True))


@needs_gpu
def test_features_by_a_gpu_are_those_by_the_cpu(world, monkeypatch):
    world()
    for stage in (download, split, backbone):
        stage.main()
    images = tiles.load_tiles()["test"].images
    by_gpu, again = (np.stack(list(inference.load(True).stream(images))) for _ in range(2))
    assert np.array_equal(by_gpu, again)
    monkeypatch.setattr(inference, "gpus", list)
    by_cpu = np.stack(list(inference.load(True).stream(images)))
    assert not np.array_equal(by_gpu, by_cpu)  # TensorFlow's, not OpenVINO's
    np.testing.assert_allclose(by_gpu, by_cpu, rtol=1e-4, atol=1e-5 * by_cpu.max())


def test_without_a_gpu_nothing_changes():
    if accelerators.gpus():
        pytest.skip("there is one")
    accelerators.half_precision()
    assert keras.config.dtype_policy().name == "float32"
    assert accelerators.every_gpu(8) is tf.distribute.get_strategy()
    data = tf.data.Dataset.range(25)
    assert [len(batch) for batch in accelerators.batches(data, 25, 8)] == [8, 8, 8, 1]
    assert [len(batch) for batch in accelerators.batches(data, 25, 5)] == [5] * 5
    assert [len(batch) for batch in accelerators.batches(data.take(3), 3, 8)] == [3]
