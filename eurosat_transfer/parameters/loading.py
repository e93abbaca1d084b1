"""Loads params.yaml as checked, typed sections."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

import eurosat_transfer.parameters as package
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.messages import describe
from eurosat_transfer.parameters.section import Section, SectionT

PARAMETER_FILE = Path("params.yaml")
NOT_A_SECTION = {"loading", "messages", "section"}  # the modules of this package that hold no section of the file


class Parameters:
    """All sections of a parameter file, valid and complete."""

    def __init__(self, sections: Mapping[str, Section]) -> None:
        """Hold sections that are valid by themselves.

        Args:
            sections: the sections by name, in the order of the file.
        """
        self._sections = dict(sections)

    def section(self, kind: type[SectionT]) -> SectionT:
        """Return the section of a class, for example `parameters.section(Svm).C`.

        Args:
            kind: the class of the section.

        Raises:
            LookupError: the class belongs to no section of the file.
        """
        for section in self._sections.values():
            if isinstance(section, kind):
                return section
        raise LookupError(f"{kind.__name__} is not the class of a section")

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return all values as {section: {parameter: value}}, with the sections in the order of the file."""
        return {name: section.model_dump() for name, section in self._sections.items()}

    def check_across_sections(self) -> None:
        """Check what no section can check by itself.

        Raises:
            ValueError: sections contradict each other. The message names every contradiction.
        """
        mistakes = []
        for section in self._sections.values():
            try:
                section.check_with(self)
            except ValueError as error:
                mistakes.append(str(error))
        if mistakes:
            raise ValueError("; ".join(mistakes))


def load_parameters(path: Path = PARAMETER_FILE) -> Parameters:
    """Read the parameter file and check all of it.

    Every stage checks the whole file, so that a mistake anywhere stops the first stage and not the seventh. The file is
    read as YAML 1.2, as DVC does: `1e-3` is a number.

    Args:
        path: the parameter file.

    Raises:
        UserError: the file cannot be read, or a value is not allowed. The message names the parameter, the value found
            and what is allowed, for every mistake.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the command in the root folder of the repository") from None
    except (YAMLError, ValueError, RecursionError) as error:  # ruamel.yaml raises all three for malformed files
        raise UserError(f"{path} is not valid YAML: {_describe_yaml_error(error)}") from None
    schema = _schema()
    try:
        checked = schema.model_validate(content)
        parameters = Parameters({name: getattr(checked, name) for name in content})
        parameters.check_across_sections()
    except ValidationError as error:  # before ValueError, its base class
        raise UserError(f"{path}: {describe(error, schema)}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return parameters


def load_section(kind: type[SectionT], path: Path = PARAMETER_FILE) -> SectionT:
    """Read the parameter file, check all of it and return one section.

    Args:
        kind: the class of the section, for example Svm.
        path: the parameter file.

    Raises:
        UserError: the file cannot be read, or a value anywhere in it is not allowed.
    """
    return load_parameters(path).section(kind)


def _describe_yaml_error(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        text = f"line {error.problem_mark.line + 1}: {error.problem}"
    else:
        text = str(error)
    return " ".join(text.split())


def _schema() -> type[Section]:
    """Return a model of the whole file, with a field for every module of this package that holds a section."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name not in NOT_A_SECTION]
    fields: dict[str, Any] = {name: (_section_class(name), ...) for name in names}
    return create_model("ParameterFile", __base__=Section, **fields)


def _section_class(name: str) -> type[Section]:
    """Return the class of a section: `LabelCurve` in the module `label_curve`."""
    module = importlib.import_module(f"{package.__name__}.{name}")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    kind = getattr(module, class_name, None)
    if not (isinstance(kind, type) and issubclass(kind, Section)):
        raise TypeError(f"{module.__name__} must define {class_name}, a subclass of Section")
    return kind
