"""The parameter file is read, checked as a whole, and mistakes are described in one plain line."""

import functools
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY
from ruamel.yaml import YAML

from eurosat_transfer import parameters as package
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters import loading
from eurosat_transfer.parameters.backbone import Backbone, Pretrain
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.loading import load_parameters, load_section
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.parameters.tsne import Tsne

DEFAULT_FILE = REPOSITORY / "params.yaml"
SECTIONS = list(YAML(typ="safe").load(DEFAULT_FILE))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write params.yaml into the working folder: write({"svm.C": 1}) is the repository's file with a change."""
    monkeypatch.chdir(tmp_path)

    def write_changed(changes: dict) -> None:
        yaml = YAML()
        content = yaml.load(DEFAULT_FILE)
        for name, value in changes.items():
            *sections, key = name.split(".")
            functools.reduce(lambda section, part: section[part], sections, content)[key] = value
        yaml.dump(content, Path("params.yaml"))

    return write_changed


def error_of(path: Path = Path("params.yaml")) -> str:
    """Load a file that must be refused, and return the error message without the file's name."""
    with pytest.raises(UserError) as refusal:
        load_parameters(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}")
    assert "\n" not in message
    return message.removeprefix(f"{path}").removeprefix(": ")


def test_defaults_are_valid():
    assert load_parameters(DEFAULT_FILE).section(Svm) == Svm(features=["deep"], kernel="rbf", C=10)


def test_values_are_those_of_the_file():
    assert load_parameters(DEFAULT_FILE).as_dict() == YAML(typ="safe").load(DEFAULT_FILE)


def test_nested_model_is_loaded_as_its_own_class():
    assert load_parameters(DEFAULT_FILE).section(Backbone).pretrain == Pretrain(images=8000, epochs=8, threads=2)


def test_one_section_is_loaded_from_the_working_folder(write):
    write({"knn.k": 7})
    assert load_section(Knn) == Knn(k=7)
    assert load_section(Knn, DEFAULT_FILE) == Knn(k=5)


def test_loading_one_section_checks_the_whole_file(write):
    write({"svm.C": -1})
    with pytest.raises(UserError, match=r"svm\.C"):
        load_section(Knn)


def test_nested_model_is_not_found_as_a_section():
    with pytest.raises(LookupError, match="Pretrain is not the class of a section"):
        load_parameters(DEFAULT_FILE).section(Pretrain)


def test_sections_keep_the_order_of_the_file(write):
    assert list(load_parameters(DEFAULT_FILE).as_dict()) == SECTIONS
    assert SECTIONS[:3] == ["data", "split", "backbone"]
    write({})
    content = YAML(typ="safe").load(Path("params.yaml"))
    YAML().dump(dict(reversed(content.items())), Path("params.yaml"))
    assert list(load_parameters().as_dict()) == SECTIONS[::-1]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("svm.kernel", "poly", "svm.kernel must be 'linear' or 'rbf' (found 'poly')"),
        ("svm.C", "ten", "svm.C must be a valid number or 'auto' (found 'ten')"),
        ("svm.C", True, "svm.C must be a valid number or 'auto' (found true)"),
        ("svm.C", False, "svm.C must be a valid number or 'auto' (found false)"),
        ("svm.C", None, "svm.C must be a valid number or 'auto' (found null)"),
        ("svm.C", 0, "svm.C must be greater than 0 or 'auto' (found 0)"),
        ("finetune.lr", 0, "finetune.lr must be greater than 0 (found 0)"),
        ("finetune.clipnorm", -1.5, "finetune.clipnorm must be greater than 0 or null (found -1.5)"),
        ("finetune.momentum", -0.9, "finetune.momentum must be greater than or equal to 0 (found -0.9)"),
        ("finetune.dropout", 1, "finetune.dropout must be less than 1 (found 1)"),
        ("finetune.weight_decay", float("inf"), "finetune.weight_decay must be a finite number (found inf)"),
        ("finetune.trainable", "some", "finetune.trainable must be a valid integer or 'all' or 'head' (found 'some')"),
        ("finetune.test_turns", "yes", "finetune.test_turns must be a valid boolean (found 'yes')"),
        (
            "finetune.warmup_epochs",
            10,
            "finetune.warmup_epochs must be below finetune.epochs, which is 10 (found 10)",
        ),
        ("labels.sizes", [5, 0], "labels.sizes[1] must be greater than or equal to 1 (found 0)"),
        (
            "labels.sizes",
            [0, 5, "all"],
            "labels.sizes[0] must be greater than or equal to 1 (found 0); "
            "labels.sizes[2] must be a valid integer (found 'all')",
        ),
        ("labels.sizes", 5, "labels.sizes must be a valid list (found 5)"),
        ("backbone.name", "", "backbone.name must have at least 1 character (found '')"),
        ("backbone.pretrain.images", 1, "backbone.pretrain.images must be greater than or equal to 128 (found 1)"),
        (
            "map.scene",
            1.5,
            "map.scene must be text, in two pairs of quotes: -S 'map.scene=\"the path\"' or null (found 1.5)",
        ),
        ("backbone.options", {1: 2}, "each key of backbone.options must be a valid string (found 1)"),
        (
            "backbone.options",
            {"pooling": None, "classes": 3},
            "backbone.options must not contain classes, pooling, which the backbone stage sets itself "
            "(found {'pooling': None, 'classes': 3})",
        ),
        (
            "backbone.sha256",
            "0" * 64,
            "backbone.sha256 must be null unless backbone.weights is a file or an address: it is the checksum of that "
            "file (found backbone.weights 'auto')",
        ),
        ("data.sha256", "abc", "data.sha256 must be 64 hexadecimal digits in lower case or null (found 'abc')"),
        (
            "data.bands",
            [4, 3],
            "data.bands must be three bands, for red, green and blue: numbers from 1 such as [4,3,2], or names such as "
            "[B08,B04,B03], or all or null (found [4, 3])",
        ),
        (
            "data.scale",
            [9, 1],
            "data.scale must be two finite numbers, the lower one first, such as [0,2750] or null (found [9, 1])",
        ),
        (
            "data.sha256",
            "0" * 64,
            "data.sha256 must be null unless data.url is set: it is the checksum of that file",
        ),
        (
            "data.name",
            "folder",
            "data.path must be a folder or a zip file of one if data.name is 'folder' (found null)",
        ),
        (
            "data.path",
            "tiles",
            "data.path must be null unless data.name is 'folder' (found 'tiles' with data.name 'landcover-demo')",
        ),
        (
            "data.url",
            "x.zip",
            "data.url must be null unless data.name is 'eurosat' or 'eurosat-ms' (found 'x.zip' with data.name "
            "'landcover-demo')",
        ),
        (
            "extract.sha256",
            "0" * 64,
            "extract.sha256 must be null unless extract.features is set: it is the checksum of that file",
        ),
        ("knn", None, "knn must be a mapping with the keys k (found null)"),
        ("backbone.pretrain", 3, "backbone.pretrain must be a mapping with the keys images, epochs, threads (found 3)"),
        ("svm", {"features": ["deep"], "kernel": "rbf"}, "svm.C is missing"),
        ("tsne.size", 1, "tsne.size is not a parameter; tsne has images, perplexity, seed"),
        (
            "backbone.pretrain.size",
            1,
            "backbone.pretrain.size is not a parameter; backbone.pretrain has images, epochs, threads",
        ),
        ("knn", {"k": 5, "a\nb": 1}, "knn.a b is not a parameter; knn has k"),
        ("knn", {"k": 5, 1: 2}, "knn must have strings as keys (found 1)"),
    ],
)
def test_message_names_the_parameter_the_value_and_what_is_allowed(write, name, value, message):
    write({name: value})
    assert error_of() == message


def test_unknown_section_is_refused(write):
    write({"svn": {"C": 1}})
    assert error_of() == f"svn is not a section; the sections are {', '.join(sorted(SECTIONS))}"


def test_section_name_must_be_a_string(write):
    write({"1": {}})
    path = Path("params.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace("'1': {}", "1: {}"), encoding="utf-8")
    assert error_of() == "the file must have strings as keys (found 1)"


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_required(write, name):
    write({})
    content = YAML(typ="safe").load(Path("params.yaml"))
    del content[name]
    YAML().dump(content, Path("params.yaml"))
    assert error_of() == f"{name} is missing"


def test_all_mistakes_are_named_in_one_line(write):
    write({"svm.C": -1, "knn.k": 0, "probe.rate": 1})
    assert set(error_of().split("; ")) == {
        "svm.C must be greater than 0 or 'auto' (found -1)",
        "knn.k must be greater than or equal to 1 (found 0)",
        "probe.rate is not a parameter",
        "probe has solver, C, lr, batch_size, epochs, seed",
    }


@pytest.mark.parametrize(("length", "shown"), [(78, "'" + "x" * 78 + "'"), (79, "'" + "x" * 79 + "...")])
def test_long_value_is_shortened(write, length, shown):
    write({"svm.C": "x" * length})
    assert error_of() == f"svm.C must be a valid number or 'auto' (found {shown})"


@pytest.mark.parametrize(
    ("images", "test", "limit"), [(40, 50, 40), (50, 40, 40), (40, "all", 40), ("all", 40, 40), ("all", "all", None)]
)
def test_perplexity_is_below_the_number_of_images_shown(write, images, test, limit):
    shown = {"tsne.images": images, "split.test": test}
    if limit is None:
        write(shown | {"tsne.perplexity": 10000})
        assert load_section(Tsne).perplexity == 10000
        return
    write(shown | {"tsne.perplexity": limit - 0.5})
    assert load_section(Tsne).perplexity == limit - 0.5
    write(shown | {"tsne.perplexity": limit})
    assert error_of() == (
        "tsne.perplexity must be below the number of images that t-SNE shows, which is 40 with these values of "
        "tsne.images and split.test (found 40)"
    )


def test_neighbours_are_at_most_the_training_images(write):
    write({"knn.k": 40, "split.train": 40})
    assert load_section(Knn).k == 40
    write({"knn.k": 41, "split.train": 40})
    assert error_of() == "knn.k must not be above split.train, which is 40 (found 41)"
    write({"knn.k": 10000, "split.train": "all"})
    assert load_section(Knn).k == 10000


def test_a_classifier_that_saw_the_test_images_is_not_saved(write):
    write({"split.unlabelled": "test", "model.classifier": "spread"})
    assert error_of() == (
        "model.classifier must not be spread with split.unlabelled test, because no figures of spread are then for new "
        "images; set split.unlabelled rest or none, or another model.classifier"
    )
    write({"split.unlabelled": "test", "model.classifier": "auto"})
    assert load_section(Model).classifier == "auto"
    write({"split.unlabelled": "rest", "model.classifier": "spread"})
    assert load_section(Model).classifier == "spread"


def test_all_contradictions_between_sections_are_named(write):
    write({"knn.k": 1000, "tsne.perplexity": 1000})
    tsne, knn = error_of().split("; ")
    assert tsne.startswith("tsne.perplexity must be below")
    assert tsne.endswith("(found 1000)")
    assert knn.startswith("knn.k must not be above")


def test_precomputed_features_are_not_compared_with_the_split(write):
    write({"knn.k": 1000, "tsne.perplexity": 1000, "extract.features": "features.npz"})
    assert load_section(Knn).k == 1000
    assert load_section(Tsne).perplexity == 1000


def test_numbers_may_have_an_exponent(write):
    write({})
    path = Path("params.yaml")
    text = path.read_text(encoding="utf-8")
    assert "lr: 0.003" in text
    path.write_text(text.replace("lr: 0.003", "lr: 3e-3"), encoding="utf-8")
    assert load_section(Finetune).lr == 0.003


def test_file_is_read_as_utf8(tmp_path):
    code = (
        "from eurosat_transfer.parameters.loading import load_parameters as l; from pathlib import Path; import sys;"
        "print(ascii(l(Path(sys.argv[1])).as_dict()['backbone']['weights']))"
    )
    path = tmp_path / "params.yaml"
    text = DEFAULT_FILE.read_text(encoding="utf-8").replace("weights: auto", "weights: größe.h5")
    path.write_text(text, encoding="utf-8")
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = subprocess.run([sys.executable, "-c", code, path], cwd=REPOSITORY, env=environment, capture_output=True)
    assert result.stdout.decode().strip() == ascii("größe.h5"), result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", " is not valid YAML: line 1: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: 2\na: 3", ' is not valid YAML: line 3: found duplicate key "a" with value "3"'),
        ('"a\\nb": 1\n"a\\nb": 2', ' is not valid YAML: line 2: found duplicate key "a b" with value "2"'),
        ("a: 1\n\0", " is not valid YAML: "),
        ("[" * 1000, " is not valid YAML: "),
        ("a: \udcff", " is not valid YAML: 'utf-8' codec can't decode byte 0xff"),
        ("", f"the file must be a mapping with the keys {', '.join(sorted(SECTIONS))} (found "),
        ("- 1", f"the file must be a mapping with the keys {', '.join(sorted(SECTIONS))} (found "),
    ],
    ids=[
        "unclosed",
        "duplicate-key",
        "duplicate-key-with-line-break",
        "control-character",
        "deep",
        "not-utf8",
        "empty",
        "list",
    ],
)
def test_malformed_file_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "params.yaml"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert error_of(path).startswith(message)


def test_missing_file_is_explained(tmp_path):
    message = error_of(tmp_path / "params.yaml")
    assert message == " does not exist; run the command in the root folder of the repository"


@pytest.fixture
def add_module(tmp_path, monkeypatch):
    """Add a module to the package of the parameters for one test."""
    folder = tmp_path / "more_parameters"
    folder.mkdir()
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    added = []

    def add(name: str, code: str) -> None:
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        added.append(name)

    yield add
    for name in added:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)


def test_new_section_needs_only_its_own_module(write, add_module):
    add_module(
        "lda_example",
        "from eurosat_transfer.parameters.section import Fraction, Section\n"
        "from eurosat_transfer.parameters.svm import Svm\n"
        "class LdaExample(Section):\n"
        "    shrinkage: Fraction\n"
        "    def check_with(self, sections):\n"
        "        if sections.section(Svm).C == 3:\n"
        "            raise ValueError('lda_example is not for svm.C 3')\n",
    )
    write({"lda_example": {"shrinkage": 0.1}})
    assert load_parameters().as_dict()["lda_example"] == {"shrinkage": 0.1}
    write({"lda_example": {"shrinkage": 1}})
    assert error_of() == "lda_example.shrinkage must be less than 1 (found 1)"
    write({"lda_example": {"shrinkage": 0.1}, "svm.C": 3})
    assert error_of() == "lda_example is not for svm.C 3"
    write({})
    assert error_of() == "lda_example is missing"


@pytest.mark.parametrize("code", ["", "class Example: pass", "Example = 3"])
def test_module_without_its_section_is_a_programming_error(add_module, code):
    add_module("example", code)
    with pytest.raises(
        TypeError, match=r"eurosat_transfer\.parameters\.example must define Example, a subclass of Section"
    ):
        load_parameters(DEFAULT_FILE)


@pytest.mark.parametrize(
    ("module", "not_loaded"),
    [
        ("svm", ["ruamel", "numpy", "tensorflow", "dvc", f"{loading.__name__}"]),
        ("loading", ["numpy", "tensorflow", "dvc", "psutil"]),
    ],
)
def test_import_of_the_parameters_loads_no_heavy_library(module, not_loaded):
    code = f"import eurosat_transfer.parameters.{module}, sys; print([m for m in {not_loaded} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_bfloat16_features_and_a_model_in_float32_do_not_fit(world):
    folder = world(**{"extract.precision": "bfloat16", "model.classifier": "svm"})
    with pytest.raises(UserError, match=r"extract.precision=bfloat16 needs model.classifier=finetune \(found svm\)"):
        load_parameters(folder / "params.yaml")
    folder = world(**{"extract.precision": "bfloat16", "model.classifier": "finetune"})
    assert load_parameters(folder / "params.yaml").as_dict()["extract"]["precision"] == "bfloat16"


ALL_BANDS = {"data.name": "eurosat-ms", "data.bands": "all"}
ONNX = {"backbone.name": "onnx", "backbone.weights": "x.onnx", "backbone.onnx.bands": ["B08"]}
ONNX |= {"backbone.onnx.mean": 0, "backbone.onnx.std": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model.classifier": "svm", "svm.features": ["deep", "bands"]},
            "model.classifier must not be svm with svm.features ['deep', 'bands'], because a saved model takes RGB",
        ),
        (ALL_BANDS | {"model.classifier": "svm"}, "model.classifier must be auto with data.bands all (found 'svm')"),
        (
            ALL_BANDS | {"map.scene": "scene.tif"},
            "map.scene must be null or auto with data.bands all (found 'scene.tif')",
        ),
        (
            ONNX | {"data.name": "eurosat-ms"},
            "backbone.onnx.bands must be red, green, blue, in the order of the network's input channels, unless",
        ),
        (
            {"extract.features": "x.npz", "svm.features": ["bands"]},
            "svm.features must be [deep] with extract.features 'x.npz' (found ['bands'])",
        ),
    ],
)
def test_bands_that_a_saved_model_or_a_file_of_features_lacks_are_refused(write, changes, message):
    write(changes)
    assert error_of().startswith(message)


def test_bands_are_allowed_where_nothing_lacks_them(write):
    write(ALL_BANDS | {"svm.features": ["deep", "bands"]})
    assert load_parameters().section(Svm).features == ["deep", "bands"]
    write(ALL_BANDS | ONNX)
    assert load_parameters().section(Backbone).onnx.bands == ["B08"]
