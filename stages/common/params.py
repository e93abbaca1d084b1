"""params.yaml, checked: what each section may hold."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from ruamel.yaml import YAML, YAMLError

from stages.common.stage import UserError

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits")]


class Section(BaseModel):
    """A section of params.yaml: every key known, every value of its own type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Data(Section):
    name: Annotated[str, Field(min_length=1)]
    path: str | None
    url: str | None
    sha256: Sha256 | None

    @model_validator(mode="after")
    def _path_goes_with_folder(self) -> "Data":
        if (self.name == "folder") != (self.path is not None):
            raise ValueError(
                f"data.path is for data.name=folder, and that needs it; "
                f"data.name is {self.name!r}, data.path is {self.path!r}"
            )
        if self.name != "eurosat" and self.url is not None:
            raise ValueError(f"data.url is for data.name=eurosat; data.name is {self.name!r}")
        if self.sha256 is not None and self.url is None:
            raise ValueError("data.sha256 is of the file at data.url, which is not given")
        return self


class Split(Section):
    train: Count | Literal["all"]
    val: Count
    test: Count | Literal["all"]
    seed: Seed


class Pretrain(Section):
    images: Annotated[int, Field(ge=128)]  # two batches
    epochs: Count


class Backbone(Section):
    name: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    sha256: Sha256 | None
    image_size: Count | Literal["auto"]
    options: dict[str, Any]
    pretrain: Pretrain
    seed: Seed

    @field_validator("options")
    @classmethod
    def _options_keep_the_layer_before_the_classifier(cls, value: dict) -> dict:
        ours = {"include_top", "weights", "pooling", "input_shape", "input_tensor", "classes", "classifier_activation"}
        if ours & set(value):
            raise ValueError(f"{', '.join(sorted(ours & set(value)))} is set by the backbone stage itself")
        return value

    @model_validator(mode="after")
    def _checksum_goes_with_a_file(self) -> "Backbone":
        if self.sha256 is not None and self.weights in ("auto", "none"):
            raise ValueError(f"backbone.sha256 is of the file at backbone.weights, which is {self.weights!r}")
        return self


class Extract(Section):
    preprocess: bool
    pixel_size: Count
    features: Annotated[str, Field(min_length=1)] | None
    sha256: Sha256 | None

    @model_validator(mode="after")
    def _checksum_goes_with_features(self) -> "Extract":
        if self.sha256 is not None and self.features is None:
            raise ValueError("extract.sha256 is of the file at extract.features, which is not given")
        return self


class Tsne(Section):
    images: Count | Literal["all"]
    perplexity: Rate
    seed: Seed


class Knn(Section):
    k: Count


class Pixels(Section):
    kernel: Literal["linear", "rbf"]
    C: Rate


class Svm(Section):
    kernel: Literal["linear", "rbf"]
    C: Rate | Literal["auto"]


class Probe(Section):
    lr: Rate | Literal["auto"]
    batch_size: Count
    epochs: Count
    seed: Seed


class Finetune(Section):
    start: Literal["pretrained", "random"]
    trainable: Count | Literal["all", "head"]
    head_epochs: CountOrNone
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: Literal["sgd", "adam", "adamw"]
    lr: Rate
    momentum: Fraction
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    schedule: Literal["constant", "cosine"]
    warmup_epochs: CountOrNone
    clipnorm: Rate | None
    augment: bool
    dropout: Fraction
    batchnorm: Literal["train", "frozen"]
    batchnorm_momentum: Fraction | None
    test_turns: bool
    refit: bool
    label_sizes: list[Count]
    seed: Seed

    @field_validator("warmup_epochs")
    @classmethod
    def _warmup_ends(cls, value: int, info: ValidationInfo) -> int:
        if value >= info.data.get("epochs", value + 1):
            raise ValueError(f"must be below finetune.epochs ({info.data['epochs']})")
        return value


class Labels(Section):
    sizes: list[Count]
    draws: Count


class Activations(Section):
    data: Literal["digits", "mnist"]
    hidden: Count
    lr: Rate
    batch_size: Count
    max_epochs: Count
    loss: Rate
    seed: Seed


class Params(Section):
    """The whole of params.yaml."""

    data: Data
    split: Split
    backbone: Backbone
    extract: Extract
    tsne: Tsne
    knn: Knn
    pixels: Pixels
    svm: Svm
    probe: Probe
    finetune: Finetune
    labels: Labels
    activations: Activations

    @model_validator(mode="after")
    def _enough_images(self) -> "Params":
        if self.extract.features is not None:
            return self  # their own number counts, which the stages see
        shown = [count for count in (self.tsne.images, self.split.test) if count != "all"]
        if shown and self.tsne.perplexity >= min(shown):
            raise ValueError(
                f"tsne.perplexity must be below the images it is asked to show, {min(shown)} "
                f"(tsne.images, split.test); it is {self.tsne.perplexity:g}"
            )
        if self.split.train != "all" and self.knn.k > self.split.train:
            raise ValueError(f"knn.k must not be above split.train, {self.split.train}; it is {self.knn.k}")
        return self


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check the parameter file.

    Every stage checks the whole file, so that a mistake anywhere stops the first stage and not the seventh. YAML 1.2,
    which DVC reads too: 1e-3 is a number.

    Raises:
        UserError: names the parameter, what it was and what is allowed.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is not here: run from the repository's root") from None
    except (YAMLError, ValueError, RecursionError) as error:  # ruamel.yaml raises all of them
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{path}: {_in_words(error)}") from None


def _in_words(error: ValidationError) -> str:
    by_name = defaultdict(list)  # a union reports each of its members: the same parameter once, with all it may be
    for detail in error.errors():
        by_name[_name(detail)].append(detail)
    lines = []
    for name, details in by_name.items():
        first = details[0]
        parent = name.rpartition(".")[0]
        if first["type"] == "extra_forbidden":
            lines.append(f"{name} is not a parameter; {parent or 'the sections'}: {', '.join(_section(parent))}")
        elif first["type"] == "missing":
            lines.append(f"{name} is missing")
        else:
            messages = (detail["msg"].removeprefix("Value error, ") for detail in details)
            rules = " or ".join(dict.fromkeys(message[0].lower() + message[1:] for message in messages))
            was = "" if isinstance(first["input"], dict) else f" (was {first['input']!r})"
            lines.append(f"{name}: {rules}{was}" if name else f"{rules}{was}")
    return "; ".join(lines)


def _name(detail: dict) -> str:
    if detail["type"] == "extra_forbidden":
        return ".".join(map(str, detail["loc"]))
    known, model = [], Params
    for key in detail["loc"]:  # what follows a parameter's own name is which member of a union was tried
        if not (isinstance(model, type) and issubclass(model, Section) and key in model.model_fields):
            break
        known.append(str(key))
        model = model.model_fields[key].annotation
    return ".".join(known)


def _section(name: str) -> list[str]:
    model = Params
    for key in filter(None, name.split(".")):
        model = model.model_fields[key].annotation
    return list(model.model_fields)
