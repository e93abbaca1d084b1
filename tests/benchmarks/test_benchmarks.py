"""Each part of the benchmarks runs through, with a few images and one round. No test expects a speed."""

import argparse
import json
import os
import sys

import conftest
import numpy as np
import pytest
from conftest import REPOSITORY, run

from benchmarks import (
    clone,
    extraction,
    finetuning,
    frameworks,
    graph,
    inputs,
    precision,
    predict,
    rounds,
    scale,
    svm,
    tables,
    training,
)
from benchmarks.__main__ import PARTS, parse
from benchmarks.contenders import Network, operations
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.precision import usable_precision

TINY = {"activations.max_epochs": 1, "activations.rates": [0.25], "activations.seeds": 2}


def test_ratio_is_the_median_of_the_ratios_within_rounds():
    assert rounds.ratio([2, 40, 9], [1, 10, 3]) == 3
    assert rounds.summary([3, 1, 2]) == {"median": 2, "min": 1, "max": 3, "rounds": [3, 1, 2]}


def test_contenders_are_measured_in_turn():
    calls = []
    values = rounds.interleave({name: lambda name=name: calls.append(name) or len(calls) for name in "AB"}, 2)
    assert (calls, values) == (["A", "B", "A", "B"], {"A": [1, 3], "B": [2, 4]})


@pytest.mark.parametrize("notes", [[], ["word " * 30]], ids=["no note", "note"])
def test_table_is_printed_and_written(tmp_path, notes):
    table = tables.Table("How fast?", ["who", "rate"], [{"who": "a", "rate": 1234.5, "rounds": [1234.5]}], notes)
    tables.write(tmp_path, "part", [table])
    assert "1,234" in str(table)
    assert max(map(len, str(table).splitlines())) <= 100
    text = (tmp_path / "part.md").read_text()
    assert "| a     |  1,234 |" in text
    assert text == text.rstrip("\n") + "\n", "one newline at the end, as the checks want"
    written = json.loads((tmp_path / "part.json").read_text())
    assert written["tables"][0]["rows"] == [{"who": "a", "rate": 1234.5, "rounds": [1234.5]}]
    assert written["machine"]["tensorflow"]


def test_extraction_is_compared_with_the_matrix_product():
    about = {
        "settings": "",
        "versions": "",
        "seconds": 1.0,
        "failures": ["batch 9: why"],
        "first": [1.0, 2.0],
        "operations": int(2e9),
    }
    measured = {
        "numpy: product": [100.0, 50.0],
        "torch: product": [80.0, 60.0],
        "project": [25.0, 15.0],
        "lab": [5.0, 3.0],
    }
    table = extraction.tabulated("net", measured, {"project": about, "lab": about}, ["X is left out: why."])
    ours, lab = table.rows
    assert (ours["contender"], lab["contender"]) == ("this project", "the lab's loop")
    assert ours["of matrix product"] == 0.5  # 2 GFLOP per image: 50 of 100, 30 of 60
    assert lab["/ this project"] == pytest.approx(0.2)
    assert "X is left out: why." in str(table)
    assert "this project does not work with batch 9: why." in str(table)


def test_operations_of_layers_are_counted():
    from eurosat_transfer.tensorflow_setup import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, 2, "same"), keras.layers.Flatten()])
    model.add(keras.layers.Dense(5))
    assert operations(model) == 2 * (4 * 4 * 4 * 3 * 3 * 3 + 64 * 5)


@pytest.mark.slow
def test_extraction_names_the_programs_that_are_not_installed(tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    missing = "raise ModuleNotFoundError('no', name='onnxruntime')"  # as if it was not installed
    (tmp_path / "lib/onnxruntime.py").write_text(missing)
    (tmp_path / "images").mkdir()
    extraction.write_images(tmp_path / "images", 20, None)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "lib")}
    network = Network("MobileNetV2", "mobilenet_v2", "mobilenet_v2", 32)
    arguments = ("benchmarks.contenders", "onnx_runtime", json.dumps(network), str(tmp_path / "images"))
    with pytest.raises(rounds.LeftOutError, match="onnxruntime is not installed"):
        rounds.Contender(*arguments, environment=environment)
    kept = {key: extraction.CONTENDERS[key] for key in ("project", "openvino", "torchvision")}
    monkeypatch.setattr(extraction, "CONTENDERS", kept)
    monkeypatch.setattr(extraction.machine, "LIBRARIES", ("numpy", "torch"))
    options = argparse.Namespace(rounds=1, matrix=64, torch_python=str(tmp_path / "python"))
    table = extraction.compare("net", network, tmp_path / "images", options)
    assert "torchvision is left out: no interpreter" in str(table)
    by_name = {row["contender"]: row for row in table.rows}
    assert set(by_name) == {"this project", "OpenVINO"}
    assert by_name["OpenVINO"]["features differ by"] < 0.01  # it computes the same features
    assert all(row["images/s"] > 0 for row in table.rows)


def test_contender_that_fails_is_left_out_with_the_last_line_that_it_printed():
    with pytest.raises(rounds.LeftOutError, match="failed: TypeError"):
        rounds.Contender("benchmarks.machine", "nobody", "8")


def test_contender_that_is_killed_later_is_reported():
    contender = rounds.Contender("benchmarks.machine", "numpy", "8")
    try:
        contender.process.kill()
        contender.process.wait()
        with pytest.raises(rounds.LeftOutError, match="failed"):
            contender.measure()
    finally:
        contender.close()


@pytest.mark.slow
def test_pipeline_is_compared_with_a_plain_script():
    first = ["code_lists", "download", "split", "backbone", "extract"]
    seconds, mains, plain, differing = graph.measure_graph(1, {"extract.pixel_size": 6}, first, conftest.TINY)
    assert differing == set()
    rows = {row["what"].strip(): row for row in graph.graph_table(seconds, mains, plain, differing).rows}
    assert rows["of which the stages' own work"]["seconds"] == pytest.approx(sum(plain[0][name] for name in first))
    assert rows["of which outside the stages' work"]["seconds"] == pytest.approx(
        seconds[graph.COLD][0] - sum(mains[0].values())
    )
    assert sorted(mains[0]) == sorted(first)
    assert 0 < min(mains[0].values()) < sum(mains[0].values()) < seconds[graph.COLD][0]
    assert rows["dvc exp run -S extract.pixel_size=6"]["seconds"] > rows[graph.NOTHING]["seconds"]


@pytest.mark.slow
def test_one_stage_is_compared_with_a_trivial_one():
    seconds = graph.measure_alone("activations", "activations.loss", [0.1], TINY)
    rows = graph.alone_table("activations", "activations.loss", seconds).rows
    assert rows[2]["seconds"] == seconds["activations"][0] - seconds["true"][0]


NO_BFLOAT16 = "RuntimeError: this processor has no bfloat16"


@pytest.mark.slow
def test_training_is_measured_with_and_without_input():
    network = {"name": "tilenet", "image_size": 16, "options": {}}
    rates, left_out = training.measure("tilenet", network, None, 1, 2, 1, sys.executable)
    has_it = usable_precision("bfloat16") == "bfloat16"
    assert left_out == ([] if has_it else [f"{training.BFLOAT16} is left out: failed: {NO_BFLOAT16}."])
    assert set(rates) == {"real", "repeated"} | ({training.BFLOAT16} if has_it else set())
    assert all(rate > 0 for values in rates.values() for rate in values)


@pytest.mark.slow
def test_training_without_pytorch_names_what_is_left_out(tmp_path):
    network = {"name": "tilenet", "image_size": 16, "options": {}}
    _, left_out = training.measure("tilenet", network, "resnet50", 1, 2, 1, str(tmp_path / "python"))
    assert sum("no interpreter" in sentence for sentence in left_out) == len(training.PEERS)


def test_training_is_compared_with_pytorch_on_one_batch():
    cells = training.row({"real": [8.0], "repeated": [10.0], "PyTorch": [20.0]})
    assert (cells["PyTorch, steps/s"], cells["/ PyTorch"]) == (20.0, 0.5)


def test_training_in_bfloat16_is_compared_with_that_of_pytorch():
    name = "PyTorch, bfloat16"
    cells = training.row({"real": [8.0], "repeated": [10.0], training.BFLOAT16: [15.0], name: [20.0]})
    assert (cells["bfloat16 / float32"], cells[f"/ {name}"]) == (1.5, 0.75)


def test_waiting_is_the_share_of_the_time_that_input_takes():
    assert training.row({"real": [8.0], "repeated": [10.0]})["waiting"] == pytest.approx(0.2)


@pytest.mark.slow
def test_time_and_memory_of_a_stage_are_measured():
    ((seconds, megabytes),) = scale.measure(TINY, ["activations"]).values()
    assert seconds > 0.1
    assert megabytes > 50


@pytest.mark.slow
def test_each_precision_is_measured_on_the_same_split():
    with clone.temporary_clone(conftest.TINY | {"model.classifier": "finetune"}) as folder:
        for stage in ("download", "backbone"):
            folder.run(sys.executable, "-m", f"stages.{stage}")
        measured = {(name, 0): precision.measure(folder, name, 0) for name in ("float32", "bfloat16")}
    exact, shorter = precision.table(measured, "tiny").rows
    assert (exact["svm: change"], exact["features differ by"]) == (0, 0)
    assert shorter["svm"] == measured["bfloat16", 0]["svm"]
    assert 0 < shorter["features differ by"] < 0.1 or usable_precision("bfloat16") == "float32"


def test_prices_of_a_precision_are_differences_on_each_split():
    rows = np.eye(2, dtype=np.float32)
    found = {
        (name, seed): {"features": rows * (1 + shift), "svm": 0.9 + shift * (seed + 1), "probe": 0.8}
        for seed in (0, 1)
        for name, shift in (("float32", 0), ("int8", -0.01))
    }
    exact, short = precision.table(found, "made").rows
    assert (short["svm: change"], short["svm: lowest"], short["svm: highest"]) == pytest.approx((-0.015, -0.02, -0.01))
    assert short["features differ by"] == pytest.approx(0.01, rel=1e-4)
    assert exact["probe: change"] == 0


def test_growth_is_computed_from_the_last_two_sizes():
    table = scale.table({20: {"activations": (1.0, 300.0)}, 40: {"activations": (3.0, 500.0)}}, "tiny")
    assert table.rows[-1]["40: s"] == 3.0
    squares = {size: {"tsne": (2 + size**2 / 1e4, 100 + size / 10)} for size in (10, 1_000, 3_000)}
    grows = scale.table(squares, "squares").rows[0]
    assert (grows["s per 1,000 more"], grows["MB per 1,000 more"]) == (pytest.approx(400), pytest.approx(100))
    assert grows["n^"] == pytest.approx(2, abs=0.05)


def test_images_are_divided_into_train_val_and_test():
    assert scale.split(640, 27_000) == {"split.train": 256, "split.val": 64, "split.test": 320}
    assert scale.split(27_000, 27_000) == {"split.train": "all", "split.val": 2_700, "split.test": "all"}


def test_support_vector_machine_is_compared_with_scikit_learns():
    unseen, _ = svm.draw_features(60, seed=1)
    measured = {count: svm.measure(*svm.draw_features(count), unseen, rounds=2) for count in (20, 40)}
    both, fit, predict = svm.tables(measured, 60, 2)
    assert [row["training rows"] for row in both.rows] == [20, 40]
    for rows in zip(both.rows, fit.rows, predict.rows, strict=True):
        whole, *parts = (row["rounds"] for row in rows)
        assert {name: len(values) for name, values in whole.items()} == {svm.OURS: 2, svm.SVC: 2}
        assert all(np.allclose(whole[name], np.sum([part[name] for part in parts], axis=0)) for name in whole)
        assert rows[0]["equal"] > 0.9
    assert max(map(len, str(both).splitlines())) <= 100


@pytest.mark.slow
def test_predict_is_compared_with_openvino(tmp_path):
    extraction.write_images(tmp_path, 20, None)
    predict.write_model(tmp_path / "model.onnx", "tilenet", 32, {})
    rows = predict.compare("net", tmp_path, 1)
    assert [row["program"] for row in rows] == list(predict.CONTENDERS.values())
    rates = [row["images/s"] for row in rows]
    assert [row["/ OpenVINO"] for row in rows] == [rate / rates[1] for rate in rates]
    assert max(row["probabilities differ by"] for row in rows) < 1e-4, "all have classified the same image"
    assert max(map(len, str(predict.table(rows, 20, 1)).splitlines())) <= 130


@pytest.mark.slow
def test_images_from_files_are_compared_with_images_in_memory(tmp_path):
    images = inputs.write_sources(tmp_path, 20, None)
    assert (images.count, set(images.preparing)) == (20, {"folder", "zip"})
    rows = inputs.compare("net", ("tilenet", 32, {}), images, 12, 1)
    assert [row["images from"] for row in rows] == [
        *("memory", "prepared", "zip, with its preparation", "folder, with its preparation"),
        *("memory", "folder", "zip"),
    ]
    assert [row["/ memory"] for row in rows] == [
        row["images/s"] / rows[0 if number < 4 else 4]["images/s"] for number, row in enumerate(rows)
    ]
    both = 1 / (1 / images.preparing["zip"] + 1 / rows[1]["images/s"])
    assert rows[2]["images/s"] == pytest.approx(both)
    assert max(map(len, str(inputs.table(rows, images, 1)).splitlines())) <= 130


@pytest.mark.slow
def test_dense_maps_are_compared_with_sliding_ones(tmp_path):
    predict.write_model(tmp_path / "model.onnx", "tilenet", 32, {})
    row = predict.compare_dense("net", tmp_path, 16, 1, (200, 300))
    assert row["windows"] == 10 * 16
    assert row["/ sliding"] == row["dense: windows/s"] / row["sliding: windows/s"]
    assert row["equal classes"] >= 0.8
    assert max(map(len, str(predict.dense_table([row], 1)).splitlines())) <= 130


@pytest.mark.slow
def test_settings_of_finetune_are_measured_one_by_one():
    few = {"split.train": 20, "split.val": 10, "split.test": 40, "finetune.epochs": 1}
    few |= {"finetune.head_epochs": 0, "finetune.warmup_epochs": 0, "split.unlabelled": "none"}
    with clone.temporary_clone(few | finetuning.ONE_TRAINING | {"backbone.weights": "none"}) as folder:
        folder.run(sys.executable, "-m", "stages.download")
        before = (folder.folder / "params.yaml").read_text()
        found = [finetuning.measure(folder, "smaller", {"backbone.image_size": 48}, seed) for seed in (1, 1, 2)]
        assert (folder.folder / "params.yaml").read_text() == before
        network = json.loads((folder.folder / "data/backbone/network.json").read_text())
        splits = (folder.folder / "data/split.csv").read_text()
        folder.run(sys.executable, "-m", "stages.split")
        assert (folder.folder / "data/split.csv").read_text() != splits, "the split had the seed 2"
    assert network["image_size"] == 48
    assert all(of["seconds"] > 0 for of in found)
    assert found[0]["accuracy"] == found[1]["accuracy"]


def test_every_setting_of_finetune_is_allowed(world):
    for changes in finetuning.SETTINGS.values():
        world(**{"backbone.name": "mobilenetv2"} | changes)
        load_parameters()


def test_changes_of_accuracy_are_differences_on_each_split():
    pairs = {
        ("default", 0): (10.0, 0.9),
        ("default", 1): (20.0, 0.8),
        ("short", 0): (5.0, 0.8),
        ("short", 1): (5.0, 0.9),
    }
    found = {key: {"seconds": seconds, "accuracy": accuracy} for key, (seconds, accuracy) in pairs.items()}
    default, short = finetuning.table(found, "made").rows
    assert (default["change"], default["/ default"]) == (0, 1)
    assert (short["/ default"], short["s"]) == (0.375, 5)
    assert [short[key] for key in ("change", "lowest", "highest")] == pytest.approx([0, -0.1, 0.1])


@pytest.mark.slow
def test_frameworks_that_are_not_installed_are_left_out(tmp_path):
    out, python = tmp_path / "frameworks.json", str(tmp_path / "python")
    few = ["--size", "32", "--steps", "1", "--rounds", "1", "--tasks", "run:2", "--names", "keras-tensorflow", "torch"]
    frameworks.main([*few, "--torch-python", python, "--out", str(out)])
    rows = json.loads(out.read_text())
    measured = [row for row in rows if row["framework"] == "keras-tensorflow"]
    assert [row["precision"] for row in measured] == ["float32", "bfloat16"]
    assert all(row["images per second"] > 0 and "of matrix product" not in row for row in measured)
    others = [row["left out"] for row in rows if row not in measured]
    assert others == [f"no interpreter {python}: No such file or directory"] * 4


def test_share_of_the_matrix_product_counts_the_backward_pass():
    product = {"rates": [2.0, 8.0, 5.0], "operations": 1000}
    keras, torch = {"rates": [3.0], "operations": 10, "framework": "keras-jax"}, {"rates": [4.0]}
    assert frameworks.shares(keras, "run:25", product, [])["of matrix product"] == 3 * 25 * 10 / 5000
    shares = frameworks.shares(torch, "train:25", product, [keras])
    assert (shares["images per second"], shares["of matrix product"]) == (100, 100 * 3 * 10 / 5000)


def test_wrong_command_lines_are_refused(tmp_path, capsys):
    assert parse(["graph"]).rounds == 5
    for wrong, message in (
        (["nothing"], "invalid choice: 'nothing'"),
        (["graph", "--rounds", "0"], "--rounds must be 1 or more (found 0)"),
        (["extraction", "--images", "1"], "--images must be 2 or more (found 1)"),
        (["scale", "--sizes", "640", "9"], "--sizes must be 100 or more (found 9)"),
        (["predict", "--predict-images", "9"], "--predict-images must be 16 or more (found 9)"),
        (["precision", "--seeds", "0"], "--seeds must be 1 or more (found 0)"),
        (["svm", "--svm-rows", "640", "9"], "--svm-rows must be 20 or more (found 9)"),
        (["scale", "--zip", str(tmp_path / "no.zip")], "there is no file"),
    ):
        with pytest.raises(SystemExit):
            parse(wrong)
        assert message in capsys.readouterr().err


def test_help_lists_every_part():
    printed = run(sys.executable, "-m", "benchmarks", "--help", cwd=REPOSITORY, COLUMNS="100").stdout
    assert all(f"{part}  " in printed for part in PARTS)
    assert max(map(len, printed.splitlines())) <= 100
