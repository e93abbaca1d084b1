import pytest
from conftest import REPOSITORY, run

from stages.common.params import load_params
from stages.common.stage import UserError


def test_the_defaults_are_valid():
    assert load_params(REPOSITORY / "params.yaml").svm.C == 10


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("finetune.learning_rate", 0.1, "finetune.learning_rate is not a parameter; finetune: start, trainable"),
        ("backbone.pretrain.size", 1, "backbone.pretrain.size is not a parameter; backbone.pretrain: images, epochs"),
        ("svm.kernel", "poly", "svm.kernel: input should be 'linear' or 'rbf' (was 'poly')"),
        ("svm.C", "ten", "svm.C: input should be a valid number or input should be 'auto' (was 'ten')"),
        ("svm.C", True, "svm.C: input should be a valid number or input should be 'auto' (was True)"),
        ("finetune.lr", 0, "finetune.lr: input should be greater than 0 (was 0)"),
        ("probe.lr", -0.1, "probe.lr: input should be greater than 0 or input should be 'auto' (was -0.1)"),
        ("probe.lr", float("nan"), "probe.lr: input should be"),
        ("knn.k", 0, "knn.k: input should be greater than or equal to 1 (was 0)"),
        ("labels.sizes", [5, 0], "labels.sizes: input should be greater than or equal to 1 (was 0)"),
        ("labels.sizes", 5, "labels.sizes: input should be a valid list (was 5)"),
        ("split.train", 0, "split.train: input should be greater than or equal to 1 or input should be 'all' (was 0)"),
        ("split.val", 0, "split.val: input should be greater than or equal to 1 (was 0)"),
        ("probe.epochs", 2.5, "probe.epochs: input should be a valid integer (was 2.5)"),
        ("finetune.batch_size", 1, "finetune.batch_size: input should be greater than or equal to 2"),
        (
            "finetune.trainable",
            "some",
            "finetune.trainable: input should be a valid integer or input should be 'all' or",
        ),
        ("finetune.weight_decay", float("inf"), "finetune.weight_decay: input should be a finite number (was inf)"),
        ("finetune.weight_decay", -1, "finetune.weight_decay: input should be greater than or equal to 0 (was -1)"),
        ("finetune.warmup_epochs", 1, "finetune.warmup_epochs: must be below finetune.epochs (1) (was 1)"),
        ("data.name", "folder", "data.path is for data.name=folder, and that needs it"),
        ("data.url", "x.zip", "data.url is for data.name=eurosat"),
        ("data.sha256", "0" * 64, "data.sha256 is of the file at data.url, which is not given"),
        ("backbone.sha256", "0" * 64, "backbone.sha256 is of the file at backbone.weights, which is 'none'"),
        ("backbone.options", {"pooling": None}, "backbone.options: pooling is set by the backbone stage itself"),
        ("backbone.options", {1: 2}, "backbone.options: input should be a valid string"),
        ("backbone.pretrain.images", 1, "backbone.pretrain.images: input should be greater than or equal to 128"),
        ("tsne.perplexity", 40, "tsne.perplexity must be below the images it is asked to show, 40"),
        ("knn.k", 41, "knn.k must not be above split.train, 40; it is 41"),
        ("extract.sha256", "0" * 64, "extract.sha256 is of the file at extract.features, which is not given"),
        ("data.sha256", "abc", "data.sha256: string should match"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(world, name, value, said):
    world(**{name: value})
    with pytest.raises(UserError) as refusal:
        load_params()
    assert said in str(refusal.value)


def test_a_small_rate_may_be_written_with_an_exponent(world):
    folder = world()
    path = folder / "params.yaml"
    path.write_text(path.read_text().replace("lr: 0.001", "lr: 1e-3"))
    assert load_params().finetune.lr == 0.001


def test_a_refusal_is_one_line_and_a_failure(world):
    folder = world(**{"svm.C": -1})
    result = run("python", "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import runpy; "
                 "runpy.run_module('stages.svm', run_name='__main__')", cwd=folder)  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "error: params.yaml: svm.C: input should be greater than 0 or input should be 'auto' (was -1)"
    ]
    assert sorted(p.name for p in folder.iterdir()) == ["dvc.yaml", "params.yaml", "stages"]


@pytest.mark.parametrize("content", ["a: [", "", "- 1"])
def test_a_file_that_is_no_mapping_is_refused(world, content):
    (world() / "params.yaml").write_text(content)
    with pytest.raises(UserError, match=r"params.yaml"):
        load_params()
