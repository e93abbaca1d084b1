import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.models.optimizers import learning_rate_schedule
from eurosat_transfer.models.training import (
    accuracy_metric,
    check_convergence,
    fit,
    shuffled_epochs,
    stream_training_batches,
    write_history,
)
from eurosat_transfer.tensorflow_setup import keras, make_reproducible, tf

EPOCHS, IMAGES, BATCH = 4, 40, 8


def test_every_epoch_has_each_image_at_most_once_in_full_batches():
    order = shuffled_epochs(count=10, batch_size=4, epochs=5, seed=0)
    assert order.shape == (5, 8)  # two batches of 4; 2 images are left out
    assert all(len(set(epoch)) == 8 for epoch in order.tolist())
    assert set(order.ravel().tolist()) == set(range(10))  # other images are left out in other epochs


def test_fewer_images_than_a_batch_are_all_used():
    assert sorted(shuffled_epochs(3, 4, 1, 0)[0].tolist()) == [0, 1, 2]


def test_order_differs_by_epoch_and_by_seed():
    order = shuffled_epochs(20, 4, 3, seed=0)
    assert len({tuple(epoch) for epoch in order.tolist()}) == 3
    assert not np.array_equal(order, shuffled_epochs(20, 4, 3, seed=1))


def test_order_of_an_epoch_does_not_depend_on_the_number_of_epochs():
    assert np.array_equal(shuffled_epochs(20, 4, 3, 0), shuffled_epochs(20, 4, 7, 0)[:3])


def test_stream_has_the_images_in_order_with_their_epochs():
    order = np.array([[5, 6, 7, 8], [8, 7, 6, 5]])
    batches = list(stream_training_batches(order, 2, lambda epoch, number: (epoch, number)).as_numpy_iterator())
    assert [epoch.tolist() for epoch, _ in batches] == [[0, 0], [0, 0], [1, 1], [1, 1]]
    assert [number.tolist() for _, number in batches] == [[5, 6], [7, 8], [8, 7], [6, 5]]


def test_resumed_stream_keeps_the_epochs():
    order = np.array([[5, 6], [7, 8], [9, 4]])
    batches = stream_training_batches(order, 2, lambda epoch, number: (epoch, number), epochs_done=2)
    assert [[part.tolist() for part in batch] for batch in batches.as_numpy_iterator()] == [[[2, 2], [9, 4]]]


def network_with_every_kind_of_state() -> keras.Model:
    """Build a network with all that training changes: weights, moving statistics, the random state of dropout."""
    make_reproducible(0)
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]
    return keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])


def train(optimizer, epochs, checkpoint) -> tuple[list[bytes], dict]:
    """Train for some of four epochs, as if the run was killed then, and return the final state and the history."""
    model, order = network_with_every_kind_of_state(), shuffled_epochs(IMAGES, BATCH, EPOCHS, seed=0)[:epochs]
    rate = learning_rate_schedule(0.05, EPOCHS * IMAGES // BATCH, 5, cosine=True)
    optimizers = {
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9),
        "adamw": lambda: keras.optimizers.AdamW(rate, global_clipnorm=1),
    }
    model.compile(optimizers[optimizer](), "sparse_categorical_crossentropy", metrics=[accuracy_metric()])
    X = tf.random.stateless_normal((IMAGES, 3), (0, 0))
    y = tf.cast(X[:, 0] > 0, tf.int64)
    validation = tf.data.Dataset.from_tensor_slices((X, y)).batch(IMAGES)
    history = fit(model, order, BATCH, lambda _, number: (X[number], y[number]), validation, checkpoint)
    return [v.numpy().tobytes() for v in model.variables + model.optimizer.variables], history.history


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_resumed_training_gives_the_state_and_history_of_an_uninterrupted_one(optimizer, tmp_path, capsys):
    uninterrupted = train(optimizer, EPOCHS, tmp_path / "uninterrupted.npz")
    train(optimizer, 2, tmp_path / "killed.npz")
    capsys.readouterr()
    assert train(optimizer, EPOCHS, tmp_path / "killed.npz") == uninterrupted
    assert "resuming at epoch 3 of 4" in capsys.readouterr().out
    assert train(optimizer, EPOCHS, tmp_path / "killed.npz") == uninterrupted
    assert "Epoch" not in capsys.readouterr().out  # all epochs were done, so none is trained
    assert len(uninterrupted[1]["loss"]) == len(uninterrupted[1]["val_accuracy"]) == EPOCHS


def truncate(content: bytes) -> bytes:
    return content[:-500]


def flip_one_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [truncate, flip_one_bit])
def test_damaged_checkpoint_restarts_the_training(damage, tmp_path, capsys):
    checkpoint = tmp_path / "damaged.npz"
    train("adamw", 2, checkpoint)
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    resumed = train("adamw", EPOCHS, checkpoint)
    assert "resuming" not in capsys.readouterr().out
    assert resumed == train("adamw", EPOCHS, tmp_path / "uninterrupted.npz")


def history(**columns: list[float]) -> keras.callbacks.History:
    recorded = keras.callbacks.History()
    recorded.history = columns
    return recorded


@pytest.mark.parametrize("name", ["loss", "val_loss"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_diverged_training_is_reported(name, value):
    diverged = history(**{"loss": [1.0, 0.5], "val_loss": [1.0, 0.5]} | {name: [1.0, value]})
    with pytest.raises(UserError, match=rf"training diverged: {name} is {value} after epoch 2; set a smaller learning"):
        check_convergence(diverged)


def test_converged_training_is_accepted_with_and_without_validation():
    check_convergence(history(loss=[1.0, 0.5], val_loss=[1.0, 0.5]))
    check_convergence(history(loss=[1.0]))


def test_fit_reports_a_diverged_training(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e38), "mse", metrics=[accuracy_metric()])
    with pytest.raises(UserError, match="training diverged"):
        fit(model, np.array([[0, 1]]), 1, lambda *_: (tf.ones(1), tf.zeros(1)), None, tmp_path / "checkpoint.npz")


def test_learning_curve_has_a_row_for_each_epoch_from_1(tmp_path):
    columns = {"loss": [0.5, 0.25], "accuracy": [0.1, 0.2], "val_loss": [0.7, 0.6], "val_accuracy": [0.3, 0.4]}
    write_history(tmp_path / "history.csv", history(**columns))
    assert read_csv(tmp_path / "history.csv") == [
        {"epoch": "1", "loss": "0.5", "accuracy": "0.1", "val_loss": "0.7", "val_accuracy": "0.3"},
        {"epoch": "2", "loss": "0.25", "accuracy": "0.2", "val_loss": "0.6", "val_accuracy": "0.4"},
    ]


def test_learning_curve_of_a_diverged_training_is_not_written(tmp_path):
    nothing = {"accuracy": [0.1], "val_accuracy": [0.1], "val_loss": [0.7]}
    with pytest.raises(UserError, match="training diverged"):
        write_history(tmp_path / "history.csv", history(loss=[float("nan")], **nothing))
    assert not (tmp_path / "history.csv").exists()
