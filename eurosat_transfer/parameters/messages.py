"""Describes what pydantic found wrong with a parameter file, in plain English."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeGuard, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eurosat_transfer.parameters.section import THIS_PARAMETER, Section

LONGEST_VALUE = 80  # how many characters of a wrong value a message repeats


def describe(error: ValidationError, schema: type[Section]) -> str:
    """Describe all mistakes in one line.

    Args:
        error: what pydantic raised for the content of the file.
        schema: the model of the whole file, with a field for each section.
    """
    by_name = defaultdict(list)  # pydantic reports each member of a union by itself; here they become one sentence
    for detail in error.errors():
        by_name[_resolve(detail, schema)[0]].append(detail)
    return "; ".join(_describe_parameter(details, schema) for details in by_name.values())


def _describe_parameter(details: Sequence[ErrorDetails], schema: type[Section]) -> str:
    first = details[0]
    name, kind = _resolve(first, schema)
    found = f"(found {_as_yaml(first['input'])})"
    if first["type"] == "missing":
        return f"{name} is missing"
    if _is_section(kind):
        keys = ", ".join(kind.model_fields)
        parent = name.rpartition(".")[0]
        match first["type"]:
            case "extra_forbidden" if parent:
                return f"{name} is not a parameter; {parent} has {keys}"
            case "extra_forbidden":
                return f"{name} is not a section; the sections are {keys}"
            case "value_error":  # from a check of several parameters, whose message names them
                return first["msg"].removeprefix("Value error, ")
            case "invalid_key":
                return f"{name or 'the file'} must have strings as keys {found}"
            case _:
                return f"{name or 'the file'} must be a mapping with the keys {keys} {found}"
    rules = [re.sub(r"^(Value error, must|\w+ should) ", "", detail["msg"]) for detail in details]
    if type(None) in get_args(kind):
        rules.append("be null")
    alternatives = [rules[0], *(rule.removeprefix("be ") for rule in rules[1:])]
    return f"{name} must {' or '.join(dict.fromkeys(alternatives)).replace(THIS_PARAMETER, name)} {found}"


def _resolve(detail: ErrorDetails, schema: type[Section]) -> tuple[str, Any]:
    """Return the name of a parameter as users write it, with its type.

    A location can end in pydantic's own names for the members of a union, which mean nothing to users.
    """
    names: list[str] = []
    kind: Any = schema
    rest = list(detail["loc"])
    while rest and _is_section(kind) and rest[0] in kind.model_fields:
        names.append(str(rest.pop(0)))
        kind = kind.model_fields[names[-1]].annotation
    if detail["type"] == "extra_forbidden":
        names.append(" ".join(str(rest[0]).split()))  # a key of a YAML file can contain line breaks
    name = ".".join(names)
    if rest[-1:] == ["[key]"]:
        return f"each key of {name}", kind
    if rest and isinstance(rest[0], int) and not _is_section(kind):
        return f"{name}[{rest[0]}]", kind
    return name, kind


def _is_section(kind: Any) -> TypeGuard[type[Section]]:
    return isinstance(kind, type) and issubclass(kind, Section)


def _as_yaml(value: Any) -> str:
    for constant, text in ((None, "null"), (True, "true"), (False, "false")):
        if value is constant:
            return text
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
