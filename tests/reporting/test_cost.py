"""Counts of images and steps."""

from eurosat_transfer.reporting.cost import Cost, count_cost

SUBSETS = {"train": 100, "val": 10, "test": 50}
FINETUNE = {"epochs": 3, "head_epochs": 5, "batch_size": 32, "refit": False, "test_turns": False}


def cost(name: str, features: str | None = None, **finetune) -> Cost:
    return count_cost(name, params(features, **finetune), [SUBSETS], 160)


def params(features: str | None = None, **finetune) -> dict:
    return {"extract": {"features": features}, "svm": {"features": ["deep"]}, "finetune": FINETUNE | finetune}


def test_raw_pixels_and_statistics_of_bands_need_no_network():
    assert cost("pixels") == cost("bands") == Cost(0, 0, 0, 0)
    without_network = params() | {"svm": {"features": ["bands"]}}
    assert count_cost("svm", without_network, [SUBSETS], 160) == Cost(0, 0, 0, 0)
    joined = params() | {"svm": {"features": ["deep", "bands"]}}
    assert count_cost("svm", joined, [SUBSETS], 160) == cost("svm")


def test_features_need_one_pass_of_each_image():
    assert cost("svm") == cost("newcomer") == Cost(forward=160, trained=0, steps=0, each_new=1)


def test_only_spread_needs_the_features_of_unlabelled_images():
    costs = [count_cost(name, params(), [SUBSETS | {"unlabelled": 70}], 160) for name in ("svm", "spread")]
    assert [cost.forward for cost in costs] == [160, 230]


def test_features_that_come_from_a_file_need_no_pass():
    assert cost("svm", features="features.npz").forward == 0


def test_fine_tuning_trains_on_the_full_batches_of_each_epoch():
    # 3 epochs of 3 batches; val after each epoch and at the end, test at the end, train once for the new layer
    assert cost("finetune") == Cost(forward=3 * 10 + 10 + 50 + 100, trained=3 * 96, steps=9, each_new=1)


def test_fewer_images_than_a_batch_are_one_step():
    assert cost("finetune", batch_size=128)[1:3] == (300, 3)


def test_without_the_first_step_train_is_not_passed_forward():
    assert cost("finetune", head_epochs=0).forward == cost("finetune").forward - 100


def test_a_refit_trains_again_on_train_and_val():
    assert cost("finetune", refit=True) == Cost(forward=30 + 60 + 100 + 110, trained=3 * 192, steps=18, each_new=1)


def test_test_time_augmentation_passes_each_image_eight_times():
    assert cost("finetune", test_turns=True) == cost("finetune")._replace(forward=30 + 8 * 60 + 100, each_new=8)


def test_self_training_trains_in_every_round_and_looks_at_all_images_before_it():
    rounds, subsets = params(rounds=2), SUBSETS | {"unlabelled": 500}
    first, second = 100 + 220, 100 + 400  # images of the two trainings; 10 and 15 full batches
    found = count_cost("finetune", rounds, [subsets], 160, [220, 400])
    looked_at = 2 * (100 + 500)
    assert found.forward == 2 * 3 * 10 + 10 + 50 + first + second + looked_at
    assert (found.trained, found.steps, found.each_new) == (3 * (320 + 480), 3 * (10 + 15), 1)
    with_refit = count_cost("finetune", params(rounds=2, refit=True), [subsets], 160, [220, 400, 230, 410])
    assert with_refit.forward == found.forward + (110 + 230) + (110 + 410) + 2 * (110 + 500)
    assert with_refit.trained == found.trained + 3 * (320 + 512)


def test_each_fold_is_fine_tuned_and_the_features_are_computed_once():
    other = {"train": 64, "val": 10, "test": 40}
    both = count_cost("finetune", params(test_turns=True), [SUBSETS, other], 200)
    first, second = (count_cost("finetune", params(test_turns=True), [fold], 200) for fold in (SUBSETS, other))
    assert both == Cost(first.forward + second.forward, 3 * (96 + 64), 9 + 6, each_new=8)
    assert count_cost("svm", params(), [SUBSETS, other], 200) == Cost(forward=200, trained=0, steps=0, each_new=1)
