import numpy as np
from small_training import finetune_parameters, noisy_tiles, small_network

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.models import finetune
from eurosat_transfer.models.finetuning import FineTuned
from eurosat_transfer.tensorflow_setup import keras, tf


def test_label_curve_is_of_networks_that_were_trained_on_each_subset(tmp_path, monkeypatch):
    """The networks are not trained here. Each predicts the second class, which 7 of 10 tiles of test have."""
    trainings = []

    def no_training(train, val, unlabelled, classes, preprocess, params, checkpoint):
        trainings.append((train, checkpoint.name))
        assert (val, classes, preprocess, params) == (tiles["val"], 2, True, settings)
        assert unlabelled is others
        network = small_network()
        head = keras.layers.Dense(
            2, "softmax", kernel_initializer="zeros", bias_initializer=lambda *_, **__: [0.0, 1.0]
        )
        return FineTuned(keras.Model(network.input, head(network.output)), tf.identity, None)

    monkeypatch.setattr(finetune, "train_network", no_training)
    test = noisy_tiles(10, seed=2)._replace(labels=np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1]))
    tiles = {"train": noisy_tiles(24), "val": noisy_tiles(10, seed=1), "test": test}
    others = noisy_tiles(3).images
    settings = finetune_parameters(label_sizes=[50, 6, 4], seed=3)  # 50 are more than there are
    fits = finetune.finetune_label_subsets(tiles, others, 2, True, settings, tmp_path)
    assert [fit[:4] for fit in fits] == [("finetune", 8, 0, 0.7), ("finetune", 12, 0, 0.7)]
    assert fits[0].correct.tolist() == [False] * 3 + [True] * 7
    subsets = nested_label_subsets(tiles["train"].labels, [4, 6], seed=3)
    for (train, checkpoint), rows in zip(trainings, subsets, strict=True):
        assert train.images.tolist() == tiles["train"].images[rows].tolist()
        assert train.labels.tolist() == tiles["train"].labels[rows].tolist()
        assert checkpoint == f"{len(rows)}.npz"
