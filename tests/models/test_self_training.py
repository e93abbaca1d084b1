"""Self-training with a small network and few tiles."""

from pathlib import Path

import numpy as np
import pytest
from conftest import write_tree
from small_training import SIZE, finetune_parameters, noisy_tiles, small_network

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.selection import NO_IMAGES, EncodedTiles, open_selection
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import finetuning
from eurosat_transfer.models.checkpoints import Checkpoint
from eurosat_transfer.models.finetuning import finetune
from eurosat_transfer.models.self_training import NOT_CONFIDENT, SPREAD, label_images, train_network
from eurosat_transfer.models.spread import fit_spread
from eurosat_transfer.networks import wide_backbone
from eurosat_transfer.tensorflow_setup import keras
from stages import backbone, download, split
from stages import finetune as stage

SELF_TRAINING = {"unlabelled": "self-training", "threshold": 0.8, "rounds": 3, "epochs": 2, "lr": 0.01}


class MeanColours:
    """Stands for a network whose features are the means and deviations of the colours."""

    def predict(self, images, name):  # noqa: ARG002, the signature is Network's
        """Return six features for each image."""
        pixels = np.stack([decode_image(image) for image in images]).astype(np.float32)
        return np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1)


def mixed_tiles(count: int, seed: int) -> EncodedTiles:
    """Draw tiles of two classes whose colours overlap."""
    dark, bright = noisy_tiles(count, seed), noisy_tiles(count, seed + 1)
    return EncodedTiles(np.where(np.arange(count) % 3 == 0, dark.images[::-1], bright.images), dark.labels)


def test_an_image_gets_a_label_if_and_only_if_its_confidence_reaches_the_threshold():
    train, others, network = mixed_tiles(12, seed=0), mixed_tiles(40, seed=5).images, MeanColours()
    X, unknown = network.predict(train.images, ""), network.predict(others, "")
    probabilities = fit_spread(X, train.labels, unknown, SPREAD, predicts_them=True).probabilities(unknown, 2)
    confidence = probabilities.max(axis=1)
    for threshold in (0.0, float(np.sort(confidence)[20]), float(confidence.max())):
        labels = label_images(train, others, network, 2, threshold)
        expected = np.where(confidence >= threshold, probabilities.argmax(axis=1), NOT_CONFIDENT)
        assert labels.tolist() == expected.tolist()
    assert (labels != NOT_CONFIDENT).sum() == (confidence == confidence.max()).sum()


@pytest.fixture
def small_backbone(tmp_path, monkeypatch):
    """Let the trainings load a small network with random weights."""
    monkeypatch.chdir(tmp_path)

    def load(folder: Path, pretrained: bool):  # noqa: ARG001, the signature is load_backbone's
        return small_network(), lambda images: images / 255 - 0.5

    monkeypatch.setattr(wide_backbone, "load_backbone", load)


def run(name: str, images: np.ndarray, val: EncodedTiles | None = None, **changes) -> finetuning.FineTuned:
    """Train on eight labelled tiles, and on images without labels."""
    settings = finetune_parameters(**changes)
    return train_network(noisy_tiles(8), val, images, 2, True, settings, Path(f"{name}.npz"))


def weights_of(model: keras.Model) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


def test_self_training_without_unlabelled_images_is_refused():
    with pytest.raises(UserError, match="leave no image without a label; set a smaller split.train"):
        run("none", NO_IMAGES, **SELF_TRAINING)


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_without_self_training_the_unlabelled_images_are_not_used():
    plain = finetune(noisy_tiles(8), None, 2, True, finetune_parameters(), Path("plain.npz"))
    other = run("other", noisy_tiles(20, seed=1).images)
    assert weights_of(other.model) == weights_of(plain.model)
    assert other.pseudo_labels == ()


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_last_round_is_a_fine_tuning_on_labels_and_pseudo_labels(capsys):
    unlabelled, val = noisy_tiles(20, seed=1).images, noisy_tiles(6, seed=2)
    tuned = run("rounds", unlabelled, val, **SELF_TRAINING)
    printed = capsys.readouterr().out
    files = [np.load(f"rounds_labels_{number}.npz")["labels"] for number in (1, 2, 3)]
    confident = files[-1] != NOT_CONFIDENT
    assert tuned.pseudo_labels == tuple((labels != NOT_CONFIDENT).sum() for labels in files)
    for number, count in enumerate(tuned.pseudo_labels, 1):
        assert f"round {number} of 3: {count} of 20 images without labels get a pseudo-label" in printed
    labels, params = noisy_tiles(8), finetune_parameters(**SELF_TRAINING)
    joined = EncodedTiles(
        np.concatenate([labels.images, unlabelled[confident]]), np.concatenate([labels.labels, files[-1][confident]])
    )
    by_hand = finetune(joined, val, 2, True, params, Path("by_hand.npz"))
    assert weights_of(tuned.model) == weights_of(by_hand.model)
    assert tuned.history.history == by_hand.history.history
    assert len(tuned.history.history["val_loss"]) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_each_round_labels_by_the_network_of_the_round_before():
    unlabelled = noisy_tiles(20, seed=1).images
    one = run("one", unlabelled, **SELF_TRAINING | {"rounds": 1})
    run("two", unlabelled, **SELF_TRAINING | {"rounds": 2})
    network = finetuning.Network(keras.Model(one.model.input, one.model.layers[-2].output), one.preprocess)
    labels = label_images(noisy_tiles(8), unlabelled, network, 2, SELF_TRAINING["threshold"])
    assert labels.tolist() == np.load("two_labels_2.npz")["labels"].tolist()


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
@pytest.mark.parametrize("epochs", [2, 3])
def test_killed_self_training_resumes_to_the_same_bytes(epochs, monkeypatch, capsys):
    """The training is killed after so many of its 3 rounds of 2 epochs, before or after the end of a round."""
    unlabelled = noisy_tiles(20, seed=1).images
    uninterrupted = run("uninterrupted", unlabelled, **SELF_TRAINING)
    save, left = Checkpoint.on_epoch_end, iter(range(epochs))

    def save_or_die(self, epoch, logs=None):
        if next(left, None) is None:
            raise KilledError
        save(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "on_epoch_end", save_or_die)
        with pytest.raises(KilledError):
            run("killed", unlabelled, **SELF_TRAINING)
    capsys.readouterr()
    resumed = run("killed", unlabelled, **SELF_TRAINING)
    printed = capsys.readouterr().out
    assert weights_of(resumed.model) == weights_of(uninterrupted.model)
    assert resumed.history.history == uninterrupted.history.history
    assert resumed.pseudo_labels == uninterrupted.pseudo_labels
    first = 1 + epochs // 2  # finished rounds are not run again
    assert [number for number in (1, 2, 3) if f"round {number} of 3" in printed] == list(range(first, 4))


# The stage


@pytest.fixture
def prepared(world, tmp_path):
    """Prepare a folder with three classes of images, most of them without labels, up to the stage finetune."""
    folder = write_tree(tmp_path / "images", classes=3)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    write_labels(folder, {file: file.partition("/")[0] for file in files})
    world(**{
        "data.name": "folder", "data.path": str(folder), "split.train": 12, "split.val": 6, "split.test": 10,
        "split.unlabelled": "rest", "backbone.image_size": SIZE, "finetune.batch_size": 8,
        "finetune.unlabelled": "self-training", "finetune.threshold": 0.4, "finetune.label_sizes": [],
        "finetune.epochs": 2,
    })  # fmt: skip
    for module in (download, split, backbone):
        module.main()
    return folder


def write_labels(folder: Path, labels: dict[str, str]) -> None:
    write_csv(folder / "labels.csv", ("file", "label"), labels.items())


def outputs() -> dict[str, bytes]:
    names = ("metrics/finetune.json", "data/finetune.weights.h5", "plots/finetune_history.csv")
    more = ("plots/finetune_predictions.csv", "plots/finetune_labels.csv")
    return {name: Path(name).read_bytes() for name in (*names, *more)}


@pytest.mark.slow
def test_labels_of_the_unlabelled_images_change_nothing(prepared):
    """The data set is prepared again with other labels for them. Where the split put each image stays as it was."""
    stage.main()
    metrics = read_json("metrics/finetune.json")
    assert metrics["unlabelled"] == 42
    assert 0 < metrics["pseudo_labels"] == metrics["pseudo_labels_by_round"][-1] <= 42
    assert metrics["pseudo_label_share"] == metrics["pseudo_labels"] / 42
    assert metrics["saw_test"] is False
    before, labels = outputs(), {row["file"]: row["class"] for row in read_csv("data/index.csv")}
    unlabelled = open_selection()[1].files[UNLABELLED]
    others = {file: f"class_{(int(labels[file][-1]) + 1) % 3}" for file in unlabelled}
    write_labels(prepared, labels | others)
    download.main()
    changed = {row["file"] for row in read_csv("data/index.csv") if row["class"] != labels[row["file"]]}
    assert changed == set(unlabelled)
    stage.main()
    assert outputs() == before
