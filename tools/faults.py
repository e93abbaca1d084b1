"""Plausible faults in the code that trains and applies classifiers, with the tests that should notice them."""

from typing import NamedTuple

TESTS = "tests/models/test_"
FINETUNING = "eurosat_transfer/models/finetuning.py"
FINETUNE = "eurosat_transfer/models/finetune.py"
SELF_TRAINING = "eurosat_transfer/models/self_training.py"
OPTIMIZERS = "eurosat_transfer/models/optimizers.py"
AUGMENTATION = "eurosat_transfer/models/augmentation.py"
TRAINING = "eurosat_transfer/models/training.py"
CHECKPOINTS = "eurosat_transfer/models/checkpoints.py"
PROBE = "eurosat_transfer/models/probe.py"
SGD_PROBE = "eurosat_transfer/models/sgd_probe.py"
LOGISTIC = "eurosat_transfer/models/logistic_regression.py"
SVM = "eurosat_transfer/models/svm.py"
KNN = "eurosat_transfer/models/knn.py"
LABEL_CURVE = "eurosat_transfer/models/label_curve.py"
ACTIVATIONS = "eurosat_transfer/models/activations.py"
PRETRAINING = "eurosat_transfer/models/pretraining.py"
ACCELERATORS = "eurosat_transfer/networks/accelerators.py"
BACKBONES = "eurosat_transfer/networks/backbones.py"
STANDARD = "tests/networks/test_onnx_standard.py::"
HOSTILE_ONNX = "tests/networks/test_hostile_onnx.py::"
WEIGHTS = "eurosat_transfer/networks/weights.py"
SEEDS = "eurosat_transfer/commands/seeds.py"
SEED_FINDINGS = "eurosat_transfer/evaluation/seed_findings.py"
ONNX_EXPORT = "eurosat_transfer/models/onnx_export.py"
CONFORMAL = "eurosat_transfer/evaluation/conformal.py"
AREAS = "eurosat_transfer/evaluation/areas.py"
RENDERING = "eurosat_transfer/data/rendering.py"
BATCHES = "eurosat_transfer/prediction/batches.py"
INFERENCE = "eurosat_transfer/prediction/inference.py"
SCENE_MATCH = "eurosat_transfer/prediction/scene_match.py"
WINDOW_GRID = "eurosat_transfer/prediction/window_grid.py"
SCENE_READER = "eurosat_transfer/prediction/scene_reader.py"
MAP_FILES = "eurosat_transfer/prediction/map_files.py"
CELLS = "eurosat_transfer/prediction/cells.py"
CODE_LISTS = "eurosat_transfer/pipeline/code_lists.py"
INTEGRITY = "eurosat_transfer/pipeline/integrity.py"


class Fault(NamedTuple):
    """A fault.

    Attributes:
        name: what is wrong.
        file: path in the repository.
        old: text that the file contains exactly once.
        new: text that replaces it.
        tests: arguments of pytest; at least one of these tests should fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _tests(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{module}.py::{name}" for name in names)


FAULTS = [
    # Fine-tuning
    Fault(
        "trainable: n is treated as head",
        FINETUNING,
        "count = params.trainable if isinstance(params.trainable, int) else by_name[params.trainable]",
        "count = 0 if isinstance(params.trainable, int) else by_name[params.trainable]",
        _tests(TESTS + "finetuning", "test_only_the_chosen_layers_are_trainable"),
    ),
    Fault(
        "trainable: n trains one layer too few",
        FINETUNING,
        "layer.trainable = number >= layers - count",
        "layer.trainable = number > layers - count",
        _tests(TESTS + "finetuning", "test_frozen_layers_keep_their_weights"),
    ),
    Fault(
        "trainable: all layers are always trained",
        FINETUNING,
        "        set_trainable(backbone, params)\n",
        "",
        _tests(TESTS + "finetuning", "test_frozen_layers_keep_their_weights"),
    ),
    Fault(
        "batchnorm: frozen is ignored",
        FINETUNING,
        'if params.batchnorm == "frozen":',
        'if params.batchnorm == "":',
        _tests(TESTS + "finetuning", "test_frozen_batch_normalisation_is_not_trainable"),
    ),
    Fault(
        "batchnorm_momentum is ignored",
        FINETUNING,
        "layer.momentum = params.batchnorm_momentum",
        "layer.momentum = layer.momentum",
        _tests(TESTS + "finetuning", "test_batch_normalisation_keeps_its_own_momentum_unless_there_is_another"),
    ),
    Fault(
        "dropout is ignored",
        FINETUNING,
        "keras.layers.Dropout(params.dropout, seed=params.seed)",
        "keras.layers.Dropout(0.0, seed=params.seed)",
        _tests(TESTS + "finetuning", "test_head_has_dropout_in_training_only"),
    ),
    Fault(
        "half precision: the new layer computes in float16",
        FINETUNING,
        'activation="softmax", name="label", dtype="float32"',
        'activation="softmax", name="label"',
        _tests(TESTS + "finetuning", "test_head_gives_probabilities_in_float32_even_in_half_precision"),
    ),
    Fault(
        "head_epochs: the new layer is not trained alone",
        FINETUNING,
        "if params.head_epochs:",
        "if params.head_epochs < 0:",
        _tests(TESTS + "finetuning", "test_new_layer_is_trained_first_on_the_features_of_the_frozen_network"),
    ),
    Fault(
        "head_epochs: the new layer is trained for one epoch",
        FINETUNING,
        "epochs=params.head_epochs,",
        "epochs=1,",
        _tests(TESTS + "finetuning", "test_head_is_trained_for_all_its_epochs"),
    ),
    Fault(
        "the new layer is trained on features without preprocessing",
        FINETUNING,
        'features = Network(backbone, prepare).predict(train.images, "train")',
        'features = Network(backbone, tf.identity).predict(train.images, "train")',
        _tests(TESTS + "finetuning", "test_new_layer_is_trained_first_on_the_features_of_the_frozen_network"),
    ),
    Fault(
        "start: random loads the pretrained weights",
        FINETUNING,
        'pretrained = params.start == "pretrained"',
        "pretrained = True",
        _tests(TESTS + "finetuning", "test_random_start_leaves_the_saved_weights_out"),
    ),
    Fault(
        "extract.preprocess is ignored by the library",
        "eurosat_transfer/networks/wide_backbone.py",
        "prepare = own_preprocess if preprocess else tf.identity",
        "prepare = own_preprocess",
        _tests(TESTS + "finetuning", "test_training_without_preprocessing_uses_the_images_as_they_are"),
    ),
    Fault(
        "extract.preprocess is ignored by the stage",
        "stages/finetune.py",
        "parameters.section(Finetune), parameters.section(Extract).preprocess",
        "parameters.section(Finetune), bool(parameters.section(Extract))",
        _tests(TESTS + "finetuning", "test_stage_uses_the_preprocessing_of_the_extract_section"),
    ),
    Fault(
        "training images are not preprocessed",
        FINETUNING,
        "        return preprocess(image), labels[number]",
        "        return image, labels[number]",
        _tests(TESTS + "finetuning", "test_training_image_is_decoded_and_preprocessed"),
    ),
    Fault(
        "validation images are not preprocessed",
        FINETUNING,
        "lambda image, label: (preprocess(resize_image(decode_tensor(image, val.channels), size)), label)",
        "lambda image, label: (resize_image(decode_tensor(image, val.channels), size), label)",
        _tests(TESTS + "finetuning", "test_training_starts_from_the_pretrained_network_on_preprocessed_images"),
    ),
    Fault(
        "validation is on train",
        FINETUNING,
        "_validation_batches(val, size, preprocess, params.batch_size) if val else None",
        "_validation_batches(train, size, preprocess, params.batch_size) if val else None",
        _tests(TESTS + "finetuning", "test_training_starts_from_the_pretrained_network_on_preprocessed_images"),
    ),
    Fault(
        "augmentation is ignored",
        FINETUNING,
        "        if params.augment:\n",
        "        if params.augment is None:\n",
        _tests(TESTS + "finetuning", "test_augmentation_shows_all_eight_views_and_no_other"),
    ),
    Fault(
        "augmentation cannot be switched off",
        FINETUNING,
        "        if params.augment:\n",
        "        if params.augment is not None:\n",
        _tests(TESTS + "finetuning", "test_augmentation_shows_all_eight_views_and_no_other"),
    ),
    Fault(
        "augmentation ignores the seed",
        FINETUNING,
        "random_view(image, params.seed, epoch, images[number])",
        "random_view(image, 0, epoch, images[number])",
        _tests(TESTS + "finetuning", "test_random_views_differ_by_epoch_and_by_seed"),
    ),
    Fault(
        "augmentation shows an image in the same view in every epoch",
        FINETUNING,
        "random_view(image, params.seed, epoch, images[number])",
        "random_view(image, params.seed, epoch * 0, images[number])",
        _tests(TESTS + "finetuning", "test_random_views_differ_by_epoch_and_by_seed"),
    ),
    Fault(
        "augmentation depends on the place of an image among the others",
        FINETUNING,
        "random_view(image, params.seed, epoch, images[number])",
        "random_view(image, params.seed, epoch, tf.strings.as_string(number))",
        _tests(
            TESTS + "finetuning",
            "test_an_image_has_the_same_view_in_an_epoch_for_every_batch_size_and_every_set_of_images",
        ),
    ),
    Fault(
        "the stream counts batches, not epochs",
        TRAINING,
        "np.repeat(np.arange(epochs_done, len(order)), order.shape[1])",
        "np.arange(order.size) // batch_size",
        _tests(
            TESTS + "finetuning",
            "test_an_image_has_the_same_view_in_an_epoch_for_every_batch_size_and_every_set_of_images",
        ),
    ),
    Fault(
        "test_turns uses the four turns and no flip",
        FINETUNING,
        "views = VIEWS if test_turns else VIEWS[:1]",
        "views = VIEWS[:4] if test_turns else VIEWS[:1]",
        _tests(TESTS + "finetuning", "test_predictions_average_all_eight_views_only_with_test_turns"),
    ),
    Fault(
        "test_turns is always on",
        FINETUNING,
        "views = VIEWS if test_turns else VIEWS[:1]",
        "views = VIEWS",
        _tests(TESTS + "finetuning", "test_predictions_average_all_eight_views_only_with_test_turns"),
    ),
    Fault(
        "test_turns is ignored for test",
        "eurosat_transfer/models/finetune.py",
        'test = predict_tiles(network, tiles["test"], "test", params.test_turns)',
        'test = predict_tiles(network, tiles["test"], "test", False)',
        _tests(TESTS + "finetuning", "test_refit_tests_a_network_that_was_trained_on_train_and_val_together"),
    ),
    Fault(
        "refit forgets val",
        "eurosat_transfer/models/finetune.py",
        'join_tiles(tiles["train"], tiles["val"])',
        'join_tiles(tiles["train"], tiles["train"])',
        _tests(TESTS + "finetuning", "test_refit_tests_a_network_that_was_trained_on_train_and_val_together"),
    ),
    Fault(
        "refit is ignored",
        "eurosat_transfer/models/finetune.py",
        "    if params.refit:\n",
        "    if params.refit is None:\n",
        _tests(TESTS + "finetuning", "test_refit_tests_a_network_that_was_trained_on_train_and_val_together"),
    ),
    Fault(
        "predictions of train are written as those of test",
        "eurosat_transfer/models/finetune.py",
        'test = predict_tiles(network, tiles["test"], "test", params.test_turns)',
        'test = predict_tiles(network, tiles["train"], "test", params.test_turns)',
        _tests(TESTS + "finetuning", "test_refit_tests_a_network_that_was_trained_on_train_and_val_together"),
    ),
    Fault(
        "label_sizes: every network is trained on all images",
        FINETUNE,
        'train = tiles["train"].select(positions)',
        'train = tiles["train"]',
        _tests(TESTS + "finetune", "test_label_curve_is_of_networks_that_were_trained_on_each_subset"),
    ),
    Fault(
        "label_sizes: accuracy is measured on val",
        FINETUNE,
        'Network(tuned.model, tuned.preprocess), tiles["test"]',
        'Network(tuned.model, tuned.preprocess), tiles["val"]',
        _tests(TESTS + "finetune", "test_label_curve_is_of_networks_that_were_trained_on_each_subset"),
    ),
    Fault(
        "self-training: every image gets a pseudo-label",
        SELF_TRAINING,
        ">= threshold, probabilities",
        ">= 0 * threshold, probabilities",
        _tests(
            TESTS + "self_training", "test_an_image_gets_a_label_if_and_only_if_its_confidence_reaches_the_threshold"
        ),
    ),
    Fault(
        "self-training: every round labels by the pretrained network",
        SELF_TRAINING,
        "_as_network(tuned, train.bands, preprocess, params)",
        "_as_network(None, train.bands, preprocess, params)",
        _tests(TESTS + "self_training", "test_each_round_labels_by_the_network_of_the_round_before"),
    ),
    Fault(
        "the seed of fine-tuning is ignored",
        FINETUNING,
        "    make_reproducible(params.seed)\n",
        "    make_reproducible(0)\n",
        _tests(TESTS + "finetuning", "test_weights_of_the_new_layer_depend_on_the_seed"),
    ),
    Fault(
        "the state of the optimizer is saved with the weights",
        FINETUNING,
        "keras.Model(model.input, model.output).save_weights(part)",
        "model.save_weights(part)",
        _tests(TESTS + "finetuning", "test_saved_weights_are_those_of_the_model_without_its_optimizer"),
    ),
    Fault(
        "epochs of fine-tuning: one too few",
        FINETUNING,
        "shuffled_epochs(len(train.labels), params.batch_size, params.epochs, params.seed)",
        "shuffled_epochs(len(train.labels), params.batch_size, max(1, params.epochs - 1), params.seed)",
        _tests(TESTS + "finetuning", "test_training_takes_as_many_steps_as_the_parameters_say"),
    ),
    # Optimizers
    Fault(
        "clipnorm is ignored",
        OPTIMIZERS,
        '"global_clipnorm": clipnorm',
        '"global_clipnorm": None',
        _tests(TESTS + "optimizers", "test_clipnorm_clips_the_norm_of_all_gradients_together"),
    ),
    Fault(
        "clipnorm clips each gradient by itself",
        OPTIMIZERS,
        '"global_clipnorm": clipnorm',
        '"clipnorm": clipnorm',
        _tests(TESTS + "optimizers", "test_clipnorm_clips_the_norm_of_all_gradients_together"),
    ),
    Fault(
        "weight decay is ignored",
        OPTIMIZERS,
        '"weight_decay": params.weight_decay}',
        '"weight_decay": 0.0}',
        _tests(TESTS + "optimizers", "test_weight_decay_shrinks_kernels_that_have_no_gradient"),
    ),
    Fault(
        "weight decay shrinks biases and batch normalisation",
        OPTIMIZERS,
        "    decay_kernels_only(optimizer, variables)\n",
        "",
        _tests(TESTS + "optimizers", "test_training_decays_kernels_but_neither_biases_nor_batch_normalisation"),
    ),
    Fault(
        "weight decay shrinks the kernels of convolutions only",
        OPTIMIZERS,
        "len(variable.shape) <= 1",
        "len(variable.shape) <= 2",
        _tests(TESTS + "optimizers", "test_training_decays_kernels_but_neither_biases_nor_batch_normalisation"),
    ),
    Fault(
        "momentum is ignored",
        OPTIMIZERS,
        "SGD(momentum=params.momentum, **common)",
        "SGD(**common)",
        _tests(TESTS + "optimizers", "test_sgd_uses_momentum"),
    ),
    Fault(
        "adam is used in place of adamw",
        OPTIMIZERS,
        "optimizer = keras.optimizers.AdamW(",
        "optimizer = keras.optimizers.Adam(",
        _tests(TESTS + "optimizers", "test_optimizer_is_the_named_one"),
    ),
    Fault(
        "the warm-up is ignored",
        OPTIMIZERS,
        "    if not warmup:\n",
        "    if True:\n",
        _tests(TESTS + "optimizers", "test_learning_rate_rises_and_then_falls_along_a_cosine"),
    ),
    Fault(
        "the warm-up is counted in steps, not in epochs",
        OPTIMIZERS,
        "steps_per_epoch * params.warmup_epochs",
        "params.warmup_epochs",
        _tests(TESTS + "optimizers", "test_optimizer_follows_the_schedule_over_all_epochs"),
    ),
    Fault(
        "the cosine never falls",
        OPTIMIZERS,
        "level = 0.0 if cosine else 1.0",
        "level = 1.0",
        _tests(TESTS + "optimizers", "test_learning_rate_rises_and_then_falls_along_a_cosine"),
    ),
    Fault(
        "the cosine falls to 0 only after the end of the training",
        OPTIMIZERS,
        "CosineDecay(0.0, steps - warmup, level",
        "CosineDecay(0.0, steps, level",
        _tests(TESTS + "optimizers", "test_learning_rate_rises_and_then_falls_along_a_cosine"),
    ),
    Fault(
        "schedule: constant falls, too",
        OPTIMIZERS,
        'params.schedule == "cosine")',
        'params.schedule != "")',
        _tests(TESTS + "optimizers", "test_optimizer_follows_the_schedule_over_all_epochs"),
    ),
    # Several seeds
    Fault(
        "seeds: findings of other parameters are current",
        SEED_FINDINGS,
        "and relevant_parameters(recorded, name) == relevant_parameters(parameters, name)",
        "",
        _tests("tests/evaluation/test_seed_findings", "test_findings_of_other_parameters_are_not_current"),
    ),
    Fault(
        "seeds: findings of other code or images are current",
        SEED_FINDINGS,
        'and _accuracy_with_seeds_of(parameters, name, content[name]["accuracies"]) == accuracy',
        "",
        _tests("tests/evaluation/test_seed_findings", "test_findings_of_other_code_or_images_are_not_current"),
    ),
    Fault(
        "seeds: every split has the same training seeds",
        SEEDS,
        "(split, split + splits * training)",
        "(split, training)",
        _tests("tests/commands/test_seeds", "test_every_split_has_its_own_training_seeds"),
    ),
    # Augmentation
    Fault(
        "augmentation never flips",
        AUGMENTATION,
        "turn(image, drawn % 4, drawn >= 4)",
        "turn(image, drawn % 4, drawn >= 8)",
        _tests(TESTS + "augmentation", "test_random_views_are_all_eight_and_equally_frequent"),
    ),
    Fault(
        "augmentation never turns an image by three quarters",
        AUGMENTATION,
        "turn(image, drawn % 4, drawn >= 4)",
        "turn(image, drawn % 3, drawn >= 4)",
        _tests(TESTS + "augmentation", "test_random_views_are_all_eight_and_equally_frequent"),
    ),
    Fault(
        "augmentation shows all images of an epoch in the same view",
        AUGMENTATION,
        "tf.random.fold_in([seed, epoch], tf.strings.to_hash_bucket_fast(content, 2**31 - 1))",
        "tf.random.fold_in([seed, epoch], 0 * tf.strings.to_hash_bucket_fast(content, 2**31 - 1))",
        _tests(TESTS + "augmentation", "test_random_view_depends_on_the_seed_the_epoch_and_the_image"),
    ),
    # The training loop
    Fault(
        "the order of the images ignores the seed",
        TRAINING,
        "np.random.default_rng([seed, epoch])",
        "np.random.default_rng([0, epoch])",
        _tests(TESTS + "training", "test_order_differs_by_epoch_and_by_seed"),
    ),
    Fault(
        "the order of the images is the same in every epoch",
        TRAINING,
        "np.random.default_rng([seed, epoch])",
        "np.random.default_rng([seed, 0])",
        _tests(TESTS + "training", "test_order_differs_by_epoch_and_by_seed"),
    ),
    Fault(
        "the last partial batch is kept",
        TRAINING,
        "used = count // batch_size * batch_size or count",
        "used = count",
        _tests(TESTS + "training", "test_every_epoch_has_each_image_at_most_once_in_full_batches"),
    ),
    Fault(
        "an epoch of less than one batch has no image",
        TRAINING,
        "used = count // batch_size * batch_size or count",
        "used = count // batch_size * batch_size",
        _tests(TESTS + "training", "test_fewer_images_than_a_batch_are_all_used"),
    ),
    Fault(
        "a resumed training starts with the first images again",
        TRAINING,
        "order[epochs_done:].ravel()",
        "order[: len(order) - epochs_done].ravel()",
        _tests(TESTS + "training", "test_resumed_stream_keeps_the_epochs"),
    ),
    Fault(
        "a resumed training counts its epochs from 0 again",
        TRAINING,
        "np.arange(epochs_done, len(order))",
        "np.arange(len(order) - epochs_done)",
        _tests(TESTS + "training", "test_resumed_stream_keeps_the_epochs"),
    ),
    Fault(
        "a resumed training trains all epochs again",
        TRAINING,
        "            initial_epoch=done,\n",
        "",
        _tests(TESTS + "training", "test_resumed_training_gives_the_state_and_history_of_an_uninterrupted_one"),
    ),
    Fault(
        "a diverged validation is not noticed",
        TRAINING,
        'for name in ("loss", "val_loss"):',
        'for name in ("loss",):',
        _tests(TESTS + "training", "test_diverged_training_is_reported"),
    ),
    Fault(
        "the first epoch of a learning curve is 0",
        TRAINING,
        "zip(range(1, len(columns[0]) + 1)",
        "zip(range(len(columns[0]))",
        _tests(TESTS + "training", "test_learning_curve_has_a_row_for_each_epoch_from_1"),
    ),
    # Checkpoints
    Fault(
        "a checkpoint restores the weights without the optimizer",
        CHECKPOINTS,
        "everything = self.model.variables + self.model.optimizer.variables",
        "everything = self.model.variables",
        _tests(TESTS + "checkpoints", "test_checkpoint_restores_weights_optimizer_and_history"),
    ),
    Fault(
        "a checkpoint restores the number of epochs without the weights",
        CHECKPOINTS,
        "            variable.assign(value)\n",
        "            pass\n",
        _tests(TESTS + "checkpoints", "test_checkpoint_restores_weights_optimizer_and_history"),
    ),
    Fault(
        "the history loses the epochs before a resume",
        CHECKPOINTS,
        '        return len(self.history["loss"])\n',
        '        epochs, self.history = len(self.history["loss"]), {}\n        return epochs\n',
        _tests(TESTS + "checkpoints", "test_checkpoint_restores_weights_optimizer_and_history"),
    ),
    Fault(
        "the checkpoint of other parameters is taken",
        CHECKPOINTS,
        "json.dumps([inputs, versions, settings])",
        "json.dumps([inputs, versions])",
        _tests(TESTS + "checkpoints", "test_other_trainings_have_other_checkpoint_folders"),
    ),
    Fault(
        "the checkpoint of other data or code is taken",
        CHECKPOINTS,
        "json.dumps([inputs, versions, settings])",
        "json.dumps([versions, settings])",
        _tests(TESTS + "checkpoints", "test_other_trainings_have_other_checkpoint_folders"),
    ),
    Fault(
        "the checkpoint of other library versions is taken",
        CHECKPOINTS,
        "for library in (np, tf, keras)]",
        "for library in (np, tf)]",
        _tests(TESTS + "checkpoints", "test_other_trainings_have_other_checkpoint_folders"),
    ),
    Fault(
        "checkpoints are deleted when a training fails",
        CHECKPOINTS,
        '    yield folder\n    for of_stage in CHECKPOINTS.glob(f"{stage}-*"):\n',
        "    try:\n        yield folder\n    except BaseException:\n        shutil.rmtree(folder)\n        raise\n"
        '    for of_stage in CHECKPOINTS.glob(f"{stage}-*"):\n',
        _tests(TESTS + "checkpoints", "test_checkpoint_folder_is_deleted_after_success_and_kept_after_failure"),
    ),
    # Pretraining
    Fault(
        "the held-out textures are trained on, too",
        PRETRAINING,
        "order = shuffled_epochs(count, BATCH",
        "order = shuffled_epochs(len(images), BATCH",
        _tests(TESTS + "pretraining", "test_pretraining_uses_the_textures_that_are_not_held_out"),
    ),
    Fault(
        "the learning rate of the pretraining does not fall",
        PRETRAINING,
        "warmup=steps // 10, cosine=True",
        "warmup=steps // 10, cosine=False",
        _tests(TESTS + "pretraining", "test_pretraining_uses_the_textures_that_are_not_held_out"),
    ),
    # Linear probe
    Fault(
        "probe: the solver stops early",
        LOGISTIC,
        "TOLERANCE = 1e-6",
        "TOLERANCE = 1e-2",
        _tests(TESTS + "logistic_regression", "test_gradient_is_zero_at_the_solution"),
    ),
    Fault(
        "probe: the choice of C sees the rows that it is measured on",
        LOGISTIC,
        "fit(rows[fold.fit], y[fold.fit])",
        "fit(rows, y)",
        _tests(TESTS + "logistic_regression", "test_penalty_is_chosen_by_the_loss_on_rows_that_were_held_out"),
    ),
    Fault(
        "probe: the number of threads decides the last bits",
        LOGISTIC,
        "solver = _solver(C, tolerance, max_iterations)\n    with threadpool_limits(1), ",
        "solver = _solver(C, tolerance, max_iterations)\n    with ",
        _tests(TESTS + "logistic_regression", "test_equal_bits_on_any_number_of_threads"),
    ),
    Fault(
        "probe: features are not scaled",
        LOGISTIC,
        'scale = float(np.sqrt(np.einsum("ij,ij->i", rows, rows).mean())) or 1.0',
        "scale = 1.0",
        _tests(TESTS + "logistic_regression", "test_scale_of_the_features_changes_no_probability"),
    ),
    Fault(
        "probe: validation is on train",
        PROBE,
        '_predict(unfinished, features, "val")',
        '_predict(unfinished, features, "train")',
        _tests(TESTS + "probe", "test_validation_is_on_val"),
    ),
    Fault(
        "probe: the seed is ignored",
        SGD_PROBE,
        "make_reproducible(params.seed)",
        "make_reproducible(0)",
        _tests(TESTS + "sgd_probe", "test_equal_seeds_give_equal_probes_and_other_seeds_others"),
    ),
    Fault(
        "probe: batch_size is ignored",
        SGD_PROBE,
        "        *train,\n        batch_size=params.batch_size,\n",
        "        *train,\n",
        _tests(TESTS + "sgd_probe", "test_batch_size_and_epochs_set_the_number_of_steps"),
    ),
    # Support vector machine
    Fault(
        "svm: the clearest class is predicted, not the one with most votes",
        SVM,
        "    scores[rows, winner], scores[rows, clearest] = scores[rows, clearest], scores[rows, winner]\n",
        "",
        _tests(TESTS + "svm", "test_class_with_most_votes_wins_over_a_clearer_one"),
    ),
    Fault(
        "svm: the temperature is fitted to training rows",
        SVM,
        "_fit(train, fold.fit, C)._scores(",
        "_fit(train, np.arange(len(train.y)), C)._scores(",
        _tests(TESTS + "svm", "test_temperature_is_that_of_rows_that_were_held_out"),
    ),
    Fault(
        "svm: gamma has the range of a float32",
        "eurosat_transfer/exact.py",
        "return float(np.ldexp(np.float64(np.float32(significand)), exponent))",
        "return float(np.float32(value))",
        _tests(TESTS + "svm", "test_scale_of_the_features_changes_no_prediction"),
    ),
    Fault(
        "svm: C is ignored",
        SVM,
        'SVC(C=C, kernel="precomputed")',
        'SVC(kernel="precomputed")',
        _tests(TESTS + "svm", "test_predictions_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "svm: C is ignored for many rows",
        SVM,
        "SVC(C=C, kernel=train.kernel, gamma=train.gamma)",
        "SVC(kernel=train.kernel, gamma=train.gamma)",
        _tests(TESTS + "svm", "test_predictions_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "svm: two classes are swapped",
        SVM,
        "return fitted.dual_coef_.T, fitted.intercept_",
        "return -fitted.dual_coef_.T, -fitted.intercept_",
        _tests(TESTS + "svm", "test_decisions_of_two_classes_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "svm: a pair of classes has the weights of another pair",
        SVM,
        "np.where(of_class == i, fitted.dual_coef_[j - 1], 0)",
        "np.where(of_class == i, fitted.dual_coef_[i], 0)",
        _tests(TESTS + "svm", "test_predictions_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "svm: intercepts are forgotten",
        SVM,
        "similar @ weights + intercepts",
        "similar @ weights",
        _tests(TESTS + "svm", "test_predictions_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "svm: gamma is that of single columns",
        SVM,
        "rows.shape[1] * (rows.var() or 1.0)",
        "(rows.var() or 1.0)",
        _tests(TESTS + "svm", "test_predictions_are_those_of_scikit_learns_svc"),
    ),
    Fault(
        "penalty: the largest of equally good penalties is chosen",
        "eurosat_transfer/models/penalty.py",
        "if found < smallest_loss:",
        "if found <= smallest_loss:",
        _tests(TESTS + "penalty", "test_search_stops_at_the_first_worse_candidate"),
    ),
    Fault(
        "cross-validation: the only row of a class is held out",
        "eurosat_transfer/models/cross_validation.py",
        "if len(groups) > 1:",
        "if len(groups) > 0:",
        _tests(TESTS + "cross_validation", "test_class_with_one_row_is_never_held_out"),
    ),
    Fault(
        "cross-validation: copies come into different folds",
        "eurosat_transfer/models/cross_validation.py",
        "group_of_row = number_equal_rows(X)",
        "group_of_row = np.arange(len(y))",
        _tests(TESTS + "cross_validation", "test_every_row_twice_gives_the_folds_of_every_row_once")
        + _tests(TESTS + "svm", "test_temperature_with_copies_is_that_of_every_row_once"),
    ),
    Fault(
        "calibration: correct scores give certain probabilities",
        "eurosat_transfer/models/calibration.py",
        "doubt = 1 / (len(labels) + 2)",
        "doubt = 0",
        _tests(TESTS + "temperature_scaling", "test_correct_scores_do_not_give_certain_probabilities"),
    ),
    Fault(
        "pixels: values are not scaled to 1",
        "eurosat_transfer/models/pixels.py",
        "X.astype(np.float32) / 255",
        "X.astype(np.float32)",
        _tests(TESTS + "pixels", "test_pixels_are_scaled_to_the_range_from_0_to_1"),
    ),
    # Bands
    Fault(
        "bands: B8A is the ninth band",
        "eurosat_transfer/data/band_names.py",
        '"B08", "B09", "B10", "B11", "B12", "B8A")',
        '"B08", "B8A", "B09", "B10", "B11", "B12")',
        _tests("tests/data/test_eurosat_ms_builder", "test_tiles_have_all_bands_with_their_names_and_a_picture"),
    ),
    Fault(
        "bands: NDVI is computed from the wrong band",
        "eurosat_transfer/data/band_statistics.py",
        'Index("NDVI", "near infrared", "red")',
        'Index("NDVI", "near infrared", "green")',
        _tests("tests/data/test_band_statistics", "test_an_index_is_the_normalised_difference_of_its_bands"),
    ),
    Fault(
        "bands: tiles with equal pictures are copies",
        "stages/download.py",
        "array_digest(dataset.read_bands(place)) if dataset.bands else pixel_digest(tile.image)",
        "pixel_digest(tile.image)",
        _tests("tests/stages/test_bands_stage", "test_tiles_that_differ_in_any_band_are_no_copies"),
    ),
    Fault(
        "bands: a thousand deep features hide the statistics",
        "eurosat_transfer/features/blocks.py",
        "of_block / (length or 1.0)",
        "of_block",
        _tests("tests/features/test_blocks", "test_each_block_has_the_same_mean_squared_distance"),
    ),
    Fault(
        "bands: svm ignores svm.features",
        "stages/svm.py",
        "load_blocks(params.features)",
        'load_blocks(["deep"])',
        _tests("tests/stages/test_bands_stage", "test_svm_learns_from_what_svm_features_says"),
    ),
    Fault(
        "wide network: activations grow with the number of bands",
        "eurosat_transfer/networks/wide_backbone.py",
        "INPUT_AXIS) * (len(RGB) / len(bands))",
        "INPUT_AXIS)",
        _tests("tests/networks/test_wide_backbone", "test_a_grey_image_has_the_features_of_the_grey_rgb_image"),
    ),
    Fault(
        "wide network: the order of a BGR network is ignored",
        "eurosat_transfer/networks/wide_backbone.py",
        "np.moveaxis(values, INPUT_AXIS, 0)[channels.places]",
        "np.moveaxis(values, INPUT_AXIS, 0)",
        _tests("tests/networks/test_wide_backbone", "test_named_bands_keep_the_weights_of_their_colours"),
    ),
    # Nearest neighbours
    Fault(
        "knn: k is one too large",
        KNN,
        "_nearest(self.rows, round_to_grid(X, self.step), self.k)",
        "_nearest(self.rows, round_to_grid(X, self.step), min(self.k + 1, len(self.rows)))",
        _tests(TESTS + "knn", "test_most_frequent_class_of_the_k_nearest_rows_is_predicted"),
    ),
    Fault(
        "knn: the first of equally good classes is predicted",
        KNN,
        "return votes.sum(axis=1) + nearness.max(axis=1)",
        "return votes.sum(axis=1)",
        _tests(TESTS + "knn", "test_tie_is_decided_by_the_nearest_row"),
    ),
    Fault(
        "knn: copies of a training row vote for it",
        KNN,
        "is_copy = groups[neighbours] == groups[:, None]",
        "is_copy = np.zeros(neighbours.shape, bool)",
        _tests(TESTS + "knn", "test_temperature_with_copies_is_that_of_unseen_rows"),
    ),
    # Label curve
    Fault(
        "label curve: the machine's C is chosen on other rows",
        LABEL_CURVE,
        "choose_svm_penalty(X, y, params.kernel)",
        "choose_svm_penalty(X[:9], y[:9], params.kernel)",
        _tests(TESTS + "label_curve", "test_classifiers_have_the_same_accuracy_on_all_images_as_in_their_stages"),
    ),
    Fault(
        "label curve: the first rows are fitted, and not those of the draw",
        LABEL_CURVE,
        "[fit_and_predict(rows) for rows in subsets]",
        "[fit_and_predict(np.arange(len(rows))) for rows in subsets]",
        _tests(TESTS + "label_curve", "test_classifiers_are_fitted_on_the_rows_of_each_draw"),
    ),
    Fault(
        "label curve: every draw is the first one",
        LABEL_CURVE,
        "nested_label_subsets(y, labels.sizes, draw)",
        "nested_label_subsets(y, labels.sizes, 0)",
        _tests(TESTS + "label_curve", "test_classifiers_are_fitted_on_the_rows_of_each_draw"),
    ),
    Fault(
        "label curve: curves are compared without pairing the draws",
        "eurosat_transfer/evaluation/label_curve.py",
        "(_at(first, draw), _at(second, draw))",
        "(_at(first, draw), _at(second, min(second)))",
        _tests("tests/evaluation/test_label_curve_summary", "test_curves_are_compared_draw_by_draw"),
    ),
    Fault(
        "label curve: the interval leaves out the test images",
        "eurosat_transfer/evaluation/crossed_interval.py",
        "variance = of_draws + of_images",
        "variance = of_draws",
        _tests("tests/evaluation/test_crossed_interval", "test_noise_is_rarely_called_a_gain"),
    ),
    # Activations
    Fault(
        "activations: training stops above the target loss",
        ACTIVATIONS,
        "<= target * window",
        "<= 2 * target * window",
        _tests(TESTS + "activations", "test_the_moving_mean_of_the_loss_decides_when_a_network_has_converged"),
    ),
    Fault(
        "activations: iterations count the steps before the first mean",
        ACTIVATIONS,
        "low.argmax(axis=1) + window",
        "low.argmax(axis=1) + 1",
        _tests(TESTS + "activations", "test_the_moving_mean_of_the_loss_decides_when_a_network_has_converged"),
    ),
    Fault(
        "activations: a network learns on after it has converged",
        ACTIVATIONS,
        "np.where(iterations[:, None, None], np.float32(0), rate_of)",
        "rate_of",
        _tests(TESTS + "activations", "test_a_network_keeps_its_weights_once_it_has_converged"),
    ),
    Fault(
        "activations: the fastest network chooses the rate",
        ACTIVATIONS,
        "slowest = max(converged)",
        "slowest = min(converged)",
        _tests(TESTS + "activations", "test_the_best_rate_is_chosen_by_its_slowest_network"),
    ),
    Fault(
        "activations: the seeds that choose the rate are reported",
        ACTIVATIONS,
        "first = params.seed + params.seeds",
        "first = params.seed",
        _tests(TESTS + "activations", "test_no_seed_both_chooses_the_rate_and_is_reported"),
    ),
    Fault(
        "activations: all networks of a stack have the weights of one seed",
        ACTIVATIONS,
        "params.initialisation, seed) for seed in seeds]",
        "params.initialisation, 0) for seed in seeds]",
        _tests(TESTS + "activations", "test_each_seed_has_initial_weights_of_its_own"),
    ),
    Fault(
        "activations: convolutions always have ReLU",
        "eurosat_transfer/models/stacked_networks.py",
        "X = _max_pool(function(",
        "X = _max_pool(tf.nn.relu(",
        _tests(TESTS + "activations", "test_each_network_of_a_stack_computes_what_the_same_layers_of_keras_compute"),
    ),
    Fault(
        "activations: the interval of the ratio is not of the logarithms",
        "eurosat_transfer/evaluation/convergence.py",
        "float(np.exp(mean - margin))",
        "float(np.exp(mean) - margin)",
        ("tests/evaluation/test_convergence.py::test_ratio_is_that_of_the_slower_to_the_faster_activation",),
    ),
    # Networks
    Fault(
        "image_size: auto is 224 for tilenet, too",
        BACKBONES,
        'return 64 if name == "tilenet" else 224',
        "return 224",
        ("tests/networks/test_backbones.py::test_default_image_size_is_that_of_the_tiles_for_tilenet_only",),
    ),
    Fault(
        "the stage backbone ignores image_size",
        "stages/backbone.py",
        'size = default_image_size(params.name) if params.image_size == "auto" else params.image_size',
        "size = default_image_size(params.name)",
        ("tests/networks/test_backbone_stage.py::test_stage_saves_a_network_with_random_weights",),
    ),
    Fault(
        "every network has MobileNetV2's preprocessing",
        BACKBONES,
        'return keras.applications.mobilenet_v2.preprocess_input if name == "tilenet" else _find(name)[1]',
        "return keras.applications.mobilenet_v2.preprocess_input",
        ("tests/networks/test_backbones.py::test_each_network_has_its_own_preprocessing",),
    ),
    Fault(
        "a network is loaded without its weights",
        BACKBONES,
        "    if pretrained:\n",
        "    if not pretrained:\n",
        ("tests/networks/test_backbones.py::test_saved_network_is_loaded_with_its_weights",),
    ),
    Fault(
        "the bands of an ONNX network are not put in its order",
        "eurosat_transfer/networks/onnx_network.py",
        "    return [place for place in places if place is not None]",
        "    return sorted(place for place in places if place is not None)",
        (
            STANDARD + "test_preprocessing_is_what_was_declared",
            STANDARD + "test_features_of_all_bands_are_those_of_pytorch",
        ),
    ),
    Fault(
        "an ONNX network runs without its preprocessing",
        "eurosat_transfer/networks/onnx_network.py",
        "params if preprocess else None",
        "None if preprocess else params",
        (STANDARD + "test_features_are_those_of_pytorch", STANDARD + "test_preprocessing_is_what_was_declared"),
    ),
    Fault(
        "the height of a feature map is taken for its features",
        "eurosat_transfer/networks/onnx_standard.py",
        "return 1 if (channels_first if is_first == is_last else is_first) else 3",
        "return 1 if channels_first else 3",
        (STANDARD + "test_every_form_of_features_becomes_a_vector",),
    ),
    Fault(
        "a network whose features depend on the rest of the batch is accepted",
        "eurosat_transfer/networks/onnx_standard.py",
        "    if np.abs(alone - together).max() > TOLERANCE * np.abs(alone).max():\n",
        "    if False:\n",
        (STANDARD + "test_networks_of_another_form_are_refused",),
    ),
    Fault(
        "an ONNX file reads weights outside its folder",
        "eurosat_transfer/networks/onnx_source.py",
        "if not file.is_relative_to(folder):",
        "if False:",
        (HOSTILE_ONNX + "test_external_data_outside_the_folder_is_refused",),
    ),
    Fault(
        "custom operators of an ONNX file are not refused",
        "eurosat_transfer/networks/onnx_source.py",
        "            if node.domain not in DOMAINS:\n",
        "            if False:\n",
        (HOSTILE_ONNX + "test_custom_operators_are_refused",),
    ),
    Fault(
        "large ONNX files are read",
        "eurosat_transfer/networks/onnx_source.py",
        "    if size > MAX_BYTES:\n",
        "    if False:\n",
        (HOSTILE_ONNX + "test_large_external_data_is_refused_before_it_is_read",),
    ),
    Fault(
        "a classifier without results is compared",
        "eurosat_transfer/evaluation/classifier_metrics.py",
        "for name, of in metrics.items() if name not in left_out}",
        "for name, of in metrics.items()}",
        ("tests/evaluation/test_left_out.py::test_it_is_in_no_comparison",),
    ),
    Fault(
        "a weights file of another network is accepted in silence",
        WEIGHTS,
        "    if all(np.array_equal(a, b)",
        "    if False and all(np.array_equal(a, b)",
        ("tests/networks/test_weights.py::test_file_that_changes_no_weight_is_refused",),
    ),
    Fault(
        "weights in the layout of Keras 2 are not read",
        WEIGHTS,
        '"layer_names" in file.attrs or "model_weights" in file',
        '"model_weights" in file',
        ("tests/networks/test_weights.py::test_every_layout_of_keras_is_read",),
    ),
    Fault(
        "half precision is used if one of several GPUs has units for it",
        ACCELERATORS,
        "min(capabilities) >= HALF_PRECISION",
        "max(capabilities) >= HALF_PRECISION",
        ("tests/networks/test_accelerators.py::test_half_precision_needs_units_for_it_on_every_gpu",),
    ),
    Fault(
        "a replica can get no image",
        ACCELERATORS,
        "(size if 0 < rest < replicas() else 0)",
        "0",
        (
            "tests/networks/test_accelerators.py::"
            "test_final_batch_that_is_too_small_for_the_replicas_joins_the_previous_one",
        ),
    ),
    # Saved models
    Fault(
        "a saved model shrinks images without antialiasing",
        ONNX_EXPORT,
        "tf.nn.relu(1 - distances / tf.maximum(scale, 1.0))",
        "tf.nn.relu(1 - distances)",
        _tests(TESTS + "onnx_export", "test_images_are_resized_as_in_the_pipeline"),
    ),
    Fault(
        "prediction sets: the rank of the threshold is one too small",
        CONFORMAL,
        "scores[_rank(len(scores), coverage) - 1]",
        "scores[_rank(len(scores), coverage) - 2]",
        _tests("tests/evaluation/test_conformal", "test_coverage_has_its_exact_distribution"),
    ),
    Fault(
        "an empty prediction set is sure",
        CONFORMAL,
        "return sets.sum(axis=1) != 1",
        "return sets.sum(axis=1) > 1",
        _tests("tests/evaluation/test_conformal", "test_unsure_is_a_set_without_exactly_one_class"),
    ),
    Fault(
        "areas are corrected with the confusion the other way around",
        AREAS,
        "by_predicted = confusion.T.astype",
        "by_predicted = confusion.astype",
        _tests("tests/evaluation/test_areas", "test_estimator_reproduces_the_example_of_its_source"),
    ),
    Fault(
        "scaled values are cut to whole numbers instead of rounded",
        RENDERING,
        "np.clip(steps + DARKEST, DARKEST, BRIGHTEST) + 0.5",
        "np.clip(steps + DARKEST, DARKEST, BRIGHTEST)",
        _tests("tests/data/test_rendering", "test_values_are_rounded_to_the_nearest_grey_level"),
    ),
    Fault(
        "a batch that is not full changes the rounding of its images",
        INFERENCE,
        "missing = batch_size(images.shape[1:]) - len(images)",
        "missing = 0",
        _tests("tests/prediction/test_batches", "test_images_of_mixed_sizes_keep_their_order"),
    ),
    Fault(
        "images of mixed sizes get the results of other images",
        BATCHES,
        "probabilities[positions], distances[positions] = outputs",
        "probabilities[sorted(positions)[::-1]], distances[positions] = outputs",
        _tests("tests/prediction/test_batches", "test_images_of_mixed_sizes_keep_their_order"),
    ),
    # Maps
    Fault(
        "a scene whose bands are swapped is mapped",
        SCENE_MATCH,
        "if usual > CLEAR_ORDER and ratio < OPPOSITE_ORDER and nearer:",
        "if False and nearer:",
        _tests("tests/prediction/test_scene_match", "test_swapped_bands_of_different_brightness_are_told_by_it")
        + _tests("tests/prediction/test_scene_match", "test_swapped_bands_are_refused_with_the_right_order"),
    ),
    Fault(
        "a cell lacks the window that begins with it",
        WINDOW_GRID,
        'side="right"',
        'side="left"',
        _tests("tests/prediction/test_window_grid", "test_the_windows_of_a_cell_are_those_that_contain_it"),
    ),
    Fault(
        "a pixel whose value is zero in one band only is nodata",
        SCENE_READER,
        "_equals(raw, self.nodata).all(axis=0)",
        "_equals(raw, self.nodata).any(axis=0)",
        _tests("tests/prediction/test_scene_map", "test_a_single_zero_is_a_dark_pixel_and_no_gap"),
    ),
    Fault(
        "nodata pixels get a class",
        MAP_FILES,
        "pixels[row.missing] = nodata",
        "pass",
        _tests(
            "tests/prediction/test_scene_map",
            "test_pixels_without_data_have_no_class_and_do_not_change_their_neighbours",
        ),
    ),
    Fault(
        "a map is no Cloud-Optimized GeoTIFF",
        MAP_FILES,
        'driver="COG"',
        'driver="GTiff"',
        _tests("tests/prediction/test_scene_map", "test_the_maps_are_cloud_optimized_and_georeferenced_as_the_scene"),
    ),
    Fault(
        "unfamiliar pixels count as sure",
        CELLS,
        "UNFAMILIAR, np.where(unsure, UNSURE, SURE)",
        "SURE, np.where(unsure, UNSURE, SURE)",
        _tests("tests/prediction/test_scene_map", "test_codes_tell_sure_unsure_and_unfamiliar_pixels_apart"),
    ),
    # The lists of code
    Fault(
        "a list has the script of the stage only",
        CODE_LISTS,
        '*graph.find_upstream_modules(f"stages.{stage}")',
        "*()",
        _tests("tests/pipeline/test_code_lists", "test_code_is_found_through_other_modules"),
    ),
    Fault(
        "an old list is taken for the code",
        CODE_LISTS,
        "listed if listed and not changed_code(stage) else",
        "listed if listed else",
        _tests("tests/pipeline/test_integrity", "test_the_digest_is_of_the_code_as_it_is_now"),
    ),
    Fault(
        "features of other code are taken for those of the present code",
        INTEGRITY,
        "or changed_code(stage)",
        "",
        _tests("tests/pipeline/test_integrity", "test_an_output_of_other_code_is_not_found"),
    ),
    Fault(
        "a stage runs with code that is not in its list",
        "eurosat_transfer/pipeline/stage.py",
        "if changed := changed_code(stage):",
        "if changed := []:",
        _tests("tests/pipeline/test_integrity", "test_a_stage_refuses_code_that_is_not_in_its_list"),
    ),
]
