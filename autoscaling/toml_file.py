"""Reading a TOML file into its model, with errors that name the file, the key and what is wrong there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.stages import ENDPOINTS

M = TypeVar("M", bound=BaseModel)


def read_toml(path: Path, kind: type[M]) -> M:
    """A TOML file as its model.

    Raises:
        ConfigurationError: it is not readable, not TOML, or not of this shape; the message names the
            file, the key and what is wrong with it.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        key = ".".join(map(str, detail["loc"]))
        told = detail["msg"].removeprefix("Value error, ")
        raise ConfigurationError(": ".join(part for part in (path.name, key, told) if part)) from None


def check_stages(named: Iterable[str]) -> None:
    """For models that have a field for each stage behind an endpoint. Raises ValueError for another name."""
    for name in named:
        if name not in ENDPOINTS:
            raise ValueError(f"{name}: is no stage behind an endpoint; those are {', '.join(ENDPOINTS)}")
