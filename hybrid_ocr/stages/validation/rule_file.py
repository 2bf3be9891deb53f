"""Rules as data: how the rules of a document are read from TOML."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.stages.validation.checks import RULES
from hybrid_ocr.stages.validation.fields import FieldPattern
from hybrid_ocr.stages.validation.rules import Policy, RuleSet


def load_rules(path: Path | None = None) -> RuleSet:
    """The rules of the project, with those settings replaced that a file of the user's names.

    Raises:
        ConfigurationError: the file is not TOML, or names a rule or setting that does not exist or cannot be.
    """
    default = tomllib.loads(files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))
    if path is None:
        return parse_rules(default)
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"rules file {path}: {error}") from None
    return parse_rules(_overlaid(default, own))


def parse_rules(tables: Mapping[str, Any]) -> RuleSet:
    """Rules from TOML tables `policy`, `rules.NAME` and `fields`.

    Raises:
        ConfigurationError: naming the first setting that is wrong.
    """
    try:
        unknown = {*tables} - {"policy", "rules", "fields"} or {*tables.get("rules", {})} - {*RULES}
        if unknown:
            raise ConfigurationError(f"rules: no rule or table is called {min(unknown)!r}")
        policy = Policy.model_validate(tables.get("policy", {}))
        rules = {name: RULES[name].model_validate(table) for name, table in tables.get("rules", {}).items()}
        fields = tuple(FieldPattern.model_validate(table) for table in tables.get("fields", ()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"rules: {error.title}: {where}: {first['msg']}") from None
    except (TypeError, AttributeError):
        raise ConfigurationError("rules: policy and rules are tables, fields is an array of tables") from None
    repeated = [name for name, count in Counter(field.name for field in fields).items() if count > 1]
    if repeated:
        raise ConfigurationError(
            f"rules: fields: two are called {repeated[0]!r}; one pattern may name both ways to write it: A|B"
        )
    return RuleSet(policy, rules, fields)


def _overlaid(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Tables of `own` over those of `base`, key by key; what is not a table replaces what was there."""
    merged = dict(base)
    for key, value in own.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _overlaid(merged[key], value) if both_tables else value
    return merged
