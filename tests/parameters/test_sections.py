"""Every parameter accepts the values on its side of each bound and refuses those on the other side."""

import itertools
from typing import NamedTuple

import pytest
from conftest import REPOSITORY
from pydantic import ValidationError
from ruamel.yaml import YAML

from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.parameters.backbone import Backbone, Onnx, Pretrain
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.map import Map
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.parameters.pixels import Pixels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.section import Section
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.parameters.tsne import Tsne

NAN, INFINITY = float("nan"), float("inf")
TINY = 1e-12


class Values(NamedTuple):
    """Values that a field accepts, and values that it refuses."""

    accepted: tuple
    refused: tuple

    def and_also(self, *values) -> "Values":
        """Accept these values too."""
        refused = tuple(value for value in self.refused if not any(value is other for other in values))
        return Values((*self.accepted, *values), refused)


COUNT = Values((1, 2, 10**9), (0, -1, 1.0, 1.5, True, "1", "other", None, [1]))
COUNT_OR_ZERO = Values((0, 1), (-1, 0.0, 0.5, False, "0", None))
SEED = Values((0, 2**32 - 1), (-1, 2**32, 0.0, False, "0", None))
POSITIVE = Values((TINY, 1, 1.5, 1e300), (0, 0.0, -TINY, -1, INFINITY, NAN, True, "1", "other", None))
NON_NEGATIVE = Values((0, 0.0, TINY, 1, 1e300), (-TINY, -1, INFINITY, NAN, False, "0", None))
FRACTION = Values((0, 0.0, 0.5, 1 - TINY), (-TINY, -0.1, 1, 1.0, 1.5, INFINITY, NAN, False, "0", None))
TEXT = Values(("a",), ("", 1, True, None))
PLACE = Values(("a",), ("", 1.5, True, None, ["a"]))
SWITCH = Values((True, False), (0, 1, "true", None))
SHA256 = Values(
    ("0123456789abcdef" * 4, None),
    ("0" * 63, "0" * 65, "A" * 64, "g" + "0" * 63, "0" * 64 + "\n", "٠" * 64, "", 0),  # noqa: RUF001 - Arabic digits
)
RESERVED = ["include_top", "weights", "pooling", "input_shape", "input_tensor", "classes", "classifier_activation"]
COUNTS = Values(([], [1], [5, 20]), ([0], [5, 0], [-1], [1.5], ["1"], [None], 5, (5,), "5", None))

ONNX = {"bands": ["red", "green", "blue"], "divide_by": 1.0, "mean": 0.0, "std": 1.0, "output": None, "pooling": "mean"}

BANDS = Values(
    ([4, 3, 2], [1, 1, 1], None), ([], [1, 2], [1, 2, 3, 4], [0, 1, 2], [1.5, 2, 3], ["1", 2, 3], "1,2,3", 1)
)
BAND_CHOICE = BANDS.and_also("all", ["B08", "B04", "B03"])
BAND_CHOICE = Values(
    BAND_CHOICE.accepted, (*BAND_CHOICE.refused, "B08", ["B08", "B04"], ["B08", "", "B03"], ["B08", 1, 2])
)
SCALE = Values(
    ([0, 2750], [-1.5, 1], None), ([], [1], [0, 1, 2], [1, 1], [2, 1], [0, INFINITY], [NAN, 1], ["0", 1], "0,1", 1)
)


def choice(*values: str) -> Values:
    """Accept exactly these words."""
    return Values(values, ("other", "", values[0].upper(), 0, True, None))


BOUNDS = {
    Data: {
        "name": TEXT,
        "path": Values(("a", "ä"), (1.5, True)),  # null is tested with the name
        "url": Values(("a", None), (1.5, True)),
        "sha256": SHA256,
        "bands": BAND_CHOICE,
        "scale": SCALE,
    },
    Split: {
        "train": COUNT.and_also("all"),
        "val": Values(COUNT.accepted, (*COUNT.refused, "all")),
        "test": COUNT.and_also("all"),
        "by": choice("class", "order"),
        "groups": Values(
            (None, "folder", "column:scene", "pattern:^(S2.*?)_", "blocks:1280", "blocks:0.5"),
            (
                "",
                "folders",
                "folder:x",
                "column:",
                "pattern:(",
                "pattern:x",
                "pattern:(a)(b)",
                "blocks:",
                "blocks:-1",
                "blocks:nan",
                1,
                True,
            ),
        ),
        "folds": COUNT,
        "contradictions": choice("exclude", "keep"),
        "unlabelled": choice("none", "rest", "test"),
        "seed": SEED,
    },
    Pretrain: {"images": Values((128, 129), (127, 0, -128, 128.0, True, None)), "epochs": COUNT, "threads": COUNT},
    Onnx: {
        "bands": Values(
            (["red", "green", "blue"], ["blue", "green", "red"], ["B08"], ["red", "green", "blue", "B8A"]),
            ([], ["red", "red", "blue"], ["red", "", "blue"], "rgb", [1, 2, 3], None),
        ),
        "divide_by": POSITIVE,
        "mean": Values((0, -1.5, [0.1, 0.2, -3]), (NAN, INFINITY, [0, 0, NAN], "0", None)),
        "std": Values((TINY, 1, [0.1, 1, 3]), (0, -1, INFINITY, [1, 0, 1], [1, 1, NAN], "1", None)),
        "output": TEXT.and_also(None),
        "pooling": choice("mean", "first"),
    },
    Backbone: {
        "name": TEXT,
        "weights": PLACE,
        "sha256": SHA256,
        "image_size": COUNT.and_also("auto"),
        "options": Values(({}, {"alpha": 0.35}, {"a": None}), ({1: 2}, [], "a", None, *({o: 1} for o in RESERVED))),
        "onnx": Values((ONNX,), ({}, ONNX | {"mean": None}, 1, None)),
        "pretrain": Values(({"images": 128, "epochs": 1, "threads": 1},), ({}, {"images": 128}, 1, None)),
        "seed": SEED,
    },
    Extract: {
        "preprocess": SWITCH,
        "precision": choice("float32", "bfloat16", "int8"),
        "pixel_size": COUNT,
        "features": PLACE.and_also(None),
        "sha256": SHA256,
    },
    Tsne: {"images": COUNT.and_also("all"), "perplexity": POSITIVE, "seed": SEED},
    Knn: {"k": COUNT},
    Model: {"classifier": choice("auto", "knn", "svm", "probe", "spread", "finetune"), "refit": SWITCH},
    Map: {
        "scene": PLACE.and_also(None),
        "window": COUNT.and_also("auto"),
        "stride": COUNT.and_also("auto"),
        "bands": BANDS,
        "scale": SCALE,
        "offset": Values(
            ([0, 0, 0], [30, -45.5, 75]), ([], [1, 2], [1, 2, 3, 4], [INFINITY, 0, 0], ["1", 0, 0], 1, None)
        ),
        "nodata": Values((0, -9999.5, None), ("0", True)),
        "max_nodata": Values((0, 0.5, 1), (-TINY, 1 + 1e-9, NAN, "0", None)),
        "coverage": Values((TINY, 0.9, 1 - TINY), (0, 1, -0.1, 1.5, NAN, "0.9", None)),
        "force": SWITCH,
        "dense": choice("auto", "never"),
    },
    Pixels: {"kernel": choice("linear", "rbf"), "C": POSITIVE.and_also("auto")},
    Bands: {"kernel": choice("linear", "rbf"), "C": POSITIVE.and_also("auto")},
    Svm: {
        "features": Values(
            (["deep"], ["bands"], ["deep", "bands"], ["bands", "deep"]),
            ([], ["deep", "deep"], ["pixels"], "deep", None, [None]),
        ),
        "kernel": choice("linear", "rbf"),
        "C": POSITIVE.and_also("auto"),
    },
    Probe: {
        "solver": choice("lbfgs", "sgd"),
        "C": POSITIVE.and_also("auto"),
        "lr": POSITIVE,
        "batch_size": COUNT,
        "epochs": COUNT,
        "seed": SEED,
    },
    Spread: {"neighbours": COUNT, "components": COUNT, "alpha": FRACTION},
    Finetune: {
        "start": choice("pretrained", "random"),
        "trainable": COUNT.and_also("all", "head"),
        "head_epochs": COUNT_OR_ZERO,
        "epochs": COUNT,
        "batch_size": Values((2, 3), (1, 0, -2, 2.0, True, "2", None)),
        "precision": Values(("float32", "bfloat16"), ("int8", "float16", 16, True, None)),
        "optimizer": choice("sgd", "adamw"),
        "lr": POSITIVE,
        "momentum": FRACTION,
        "weight_decay": NON_NEGATIVE,
        "schedule": choice("constant", "cosine"),
        "warmup_epochs": COUNT_OR_ZERO,
        "clipnorm": POSITIVE.and_also(None),
        "augment": SWITCH.and_also("strong"),
        "dropout": FRACTION,
        "batchnorm": choice("train", "frozen"),
        "batchnorm_momentum": FRACTION.and_also(None),
        "test_turns": SWITCH,
        "refit": SWITCH,
        "unlabelled": choice("none", "self-training"),
        "threshold": FRACTION,
        "rounds": COUNT,
        "label_sizes": COUNTS,
        "threads": COUNT,
        "seed": SEED,
    },
    Labels: {"sizes": COUNTS, "draws": COUNT},
    Activations: {
        "data": choice("digits", "mnist"),
        "hidden": COUNT,
        "initialisation": choice("glorot", "he"),
        "rates": Values(([0.1], [1, 2.5]), ([], [0], [0.1, 0.1], [2, 1], ["1"], [NAN], [INFINITY], 0.1, None)),
        "tuning_seeds": COUNT,
        "seeds": COUNT,
        "batch_size": COUNT,
        "max_epochs": COUNT,
        "loss": POSITIVE,
        "seed": SEED,
    },
}

# Other parameters that must be set before a parameter accepts its values.
REQUIRED = {
    (Split, "folds"): {"test": "all"},
    (Data, "path"): {"name": "folder"},
    (Data, "bands"): {"name": "folder", "path": "tiles"},
    (Onnx, "bands"): {"mean": 0, "std": 1},
    (Data, "scale"): {"name": "folder", "path": "tiles"},
    (Data, "url"): {"name": "eurosat"},
    (Data, "sha256"): {"name": "eurosat", "url": "copy.zip"},
    (Backbone, "sha256"): {"weights": "weights.h5"},
    (Extract, "sha256"): {"features": "features.npz"},
    (Finetune, "epochs"): {"warmup_epochs": 0},
}

DEFAULTS = YAML(typ="safe", pure=True).load(REPOSITORY / "params.yaml")
DEFAULTS["onnx"] = DEFAULTS["backbone"]["onnx"]
DEFAULTS["pretrain"] = DEFAULTS["backbone"]["pretrain"]


def cases(side: str) -> list:
    """List (class, field, value) for all accepted or all refused values."""
    return [
        pytest.param(kind, name, value, id=f"{kind.__name__.lower()}.{name}={value!r:.20}")
        for kind, fields in BOUNDS.items()
        for name, values in fields.items()
        for value in getattr(values, side)
    ]


def validate(kind: type[Section], **changes) -> Section:
    """Validate a section: its default values with changes."""
    return kind.model_validate(DEFAULTS[kind.__name__.lower()] | changes)


@pytest.mark.parametrize(("kind", "name", "value"), cases("accepted"))
def test_value_inside_the_bounds_is_accepted(kind, name, value):
    section = validate(kind, **REQUIRED.get((kind, name), {}), **{name: value})
    assert section.model_dump()[name] == value


@pytest.mark.parametrize(("kind", "name", "value"), cases("refused"))
def test_value_outside_the_bounds_is_refused(kind, name, value):
    with pytest.raises(ValidationError) as refusal:
        validate(kind, **REQUIRED.get((kind, name), {}), **{name: value})
    assert {error["loc"][0] for error in refusal.value.errors()} == {name}


@pytest.mark.parametrize("kind", BOUNDS, ids=lambda kind: kind.__name__)
def test_table_of_bounds_lists_every_field(kind):
    assert list(BOUNDS[kind]) == list(kind.model_fields)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in BOUNDS for name in kind.model_fields], ids=lambda item: str(item)[-20:]
)
def test_parameter_has_no_default_value(kind, name):
    content = DEFAULTS[kind.__name__.lower()].copy()
    del content[name]
    with pytest.raises(ValidationError) as refusal:
        kind.model_validate(content)
    assert [(error["type"], error["loc"]) for error in refusal.value.errors()] == [("missing", (name,))]


@pytest.mark.parametrize("kind", BOUNDS, ids=lambda kind: kind.__name__)
def test_unknown_parameter_is_refused(kind):
    with pytest.raises(ValidationError) as refusal:
        validate(kind, other=1)
    assert [(error["type"], error["loc"]) for error in refusal.value.errors()] == [("extra_forbidden", ("other",))]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Data, "path"), (Data, "url"), (Backbone, "weights"), (Extract, "features"), (Map, "scene")],
)
def test_a_path_of_digits_becomes_text(kind, name):
    section = validate(kind, **REQUIRED.get((kind, name), {}), **{name: 2750})
    assert section.model_dump()[name] == "2750"


def test_section_cannot_be_changed():
    svm = validate(Svm)
    with pytest.raises(ValidationError, match="frozen"):
        svm.C = 1


@pytest.mark.parametrize(
    ("name", "path", "url"),
    list(itertools.product(["folder", "eurosat", "eurosat-ms", "mnist"], [None, "tiles"], [None, "copy.zip"])),
)
def test_data_source_must_fit_the_name(name, path, url):
    allowed = {("folder", "tiles", None), ("mnist", None, None)}
    allowed |= {(name, None, url) for name in ("eurosat", "eurosat-ms") for url in (None, "copy.zip")}
    if (name, path, url) in allowed:
        assert validate(Data, name=name, path=path, url=url).name == name
    else:
        with pytest.raises(ValidationError, match=r"data\.(path|url) must be"):
            validate(Data, name=name, path=path, url=url)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Data, {"name": "eurosat", "url": None}),
        (Backbone, {"weights": "auto"}),
        (Backbone, {"weights": "none"}),
        (Extract, {"features": None}),
    ],
)
def test_checksum_without_a_file_is_refused(kind, changes):
    with pytest.raises(ValidationError, match=r"sha256 must be null unless"):
        validate(kind, sha256="0" * 64, **changes)


@pytest.mark.parametrize(("warmup", "epochs"), [(0, 1), (1, 2), (9, 10)])
def test_warmup_shorter_than_the_training_is_accepted(warmup, epochs):
    assert validate(Finetune, warmup_epochs=warmup, epochs=epochs).warmup_epochs == warmup


@pytest.mark.parametrize(("warmup", "epochs"), [(1, 1), (2, 1), (10, 10), (11, 10)])
def test_warmup_as_long_as_the_training_is_refused(warmup, epochs):
    with pytest.raises(ValidationError, match=r"warmup_epochs must be below finetune.epochs"):
        validate(Finetune, warmup_epochs=warmup, epochs=epochs)


@pytest.mark.parametrize("name", ["landcover-demo", "eurosat"])
@pytest.mark.parametrize("changes", [{"bands": [4, 3, 2]}, {"bands": "all"}, {"scale": [0, 2750]}])
def test_rgb_data_sets_have_no_choice_of_bands(name, changes):
    with pytest.raises(
        ValidationError, match=r"must be null if data\.name is .*, whose images are RGB .* eurosat-ms has"
    ):
        validate(Data, name=name, **changes)
