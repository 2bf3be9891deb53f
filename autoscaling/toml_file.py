"""Reading a TOML file into its model, with errors that name the file, table and key, and what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.stages import ENDPOINTS

M = TypeVar("M", bound=BaseModel)
_KEY: Final = "[key]"
"""What pydantic puts behind the key of a table when the key itself is wrong."""
_UNKNOWN: Final = "unknown_key"
"""The type of the errors of `refuse_unknown`."""


def read_toml(path: Path, kind: type[M]) -> M:
    """A TOML file as its model.

    Raises:
        ConfigurationError: it is not readable, not TOML, or not of this shape; the message names the
            file, the table, the key and what is wrong with it, of a misspelt key also the nearest right one.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None
    except ValidationError as error:
        told = _complaint(error.errors(include_url=False), kind)
        raise ConfigurationError(f"{path.name}: {told}") from None


def _complaint(details: Sequence[ErrorDetails], kind: type[BaseModel]) -> str:
    """The first error; a key that is not known before one that is missing, for that is the same mistake."""
    for detail in details:
        if detail["type"] == _UNKNOWN:
            return _unknown_key([*detail["loc"], detail["ctx"]["key"]], detail["ctx"]["known"])
        if detail["type"] == "extra_forbidden" or detail["loc"][-1:] == (_KEY,):
            place = [part for part in detail["loc"] if part != _KEY]
            nodes = _nodes(kind.model_json_schema(), place[:-1])
            return _unknown_key(place, sorted({name for node in nodes for name in _keys(node)}))
    detail = details[0]
    key = ".".join(map(str, detail["loc"]))
    told = detail["msg"].removeprefix("Value error, ")
    return ": ".join(part for part in (key, told) if part)


def _unknown_key(place: Sequence[str | int], known: Sequence[str]) -> str:
    *table, key = (f'"{part}"' if "." in str(part) else str(part) for part in place)
    near = get_close_matches(str(place[-1]), known, 1)
    said = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    where = f"in the table [{'.'.join(table)}]" if table else "at its top"
    return f"there is no key {key} {where}: {said}"


def _nodes(schema: Mapping[str, Any], place: Sequence[str | int]) -> list[Mapping[str, Any]]:
    """The parts of a JSON Schema that may describe what lies at a place."""
    nodes = list(_plain(schema, schema))
    for part in place:
        below = [node for each in nodes for node in _below(each, part)]
        if below:  # the tag of a union is a part of the place and none of the schema
            nodes = [plain for node in below for plain in _plain(node, schema)]
    return nodes


def _below(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        if "items" in node:
            yield node["items"]
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _plain(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node without references; of a union each member."""
    if "$ref" in node:
        yield from _plain(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
        return
    members = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    for member in members:
        yield from _plain(member, schema)
    if not members:
        yield node


def _keys(node: Mapping[str, Any]) -> list[str]:
    return [*node.get("properties", ()), *node.get("propertyNames", {}).get("enum", ())]


def refuse_unknown(kind: type[BaseModel], given: object) -> None:
    """For models that take a key for each stage behind an endpoint beside their fields.

    Raises:
        PydanticCustomError: `given` is a table with another key.
    """
    known = sorted({*kind.model_fields, *ENDPOINTS})
    for key in given if isinstance(given, dict) else ():
        if key not in known:
            raise PydanticCustomError(_UNKNOWN, "there is no key {key}", {"key": key, "known": known})
