"""The flow in Amazon States Language, and what loads and checks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from hybrid_ocr.contracts.errors import ConfigurationError

__all__ = ["DOCUMENTS", "definition"]

DOCUMENTS: Final = "documents.asl.json"

_PLACE: Final = re.compile(r"\$\{([^}]*)\}")
_VALUE: Final = re.compile(r"[A-Za-z0-9._:/-]+")
"""What names and ARNs consist of: nothing that would have to be escaped in JSON."""


def definition(substitutions: Mapping[str, str], file: str = DOCUMENTS) -> str:
    """A state machine as CreateStateMachine takes it: the file with its `${NAME}` replaced.

    Args:
        substitutions: of documents.asl.json the ARNs PaginateFunction, RotationFunction, DispatchFunction and
            ValidationFunction, and the bus name EventBus.
        file: of this package.

    Raises:
        ConfigurationError: a name of the file is missing, one is given that the file does not have, or a
            value is neither a name nor an ARN.
    """
    text = files(__name__).joinpath(file).read_text("utf-8")
    wanted = set(_PLACE.findall(text))
    missing, unknown = sorted(wanted - substitutions.keys()), sorted(substitutions.keys() - wanted)
    if missing or unknown:
        raise ConfigurationError(f"{file}: missing substitutions {missing}, unknown ones {unknown}")
    unfit = sorted(name for name, value in substitutions.items() if not _VALUE.fullmatch(value))
    if unfit:
        raise ConfigurationError(f"{file}: substitutions {unfit} are neither names nor ARNs")
    return _PLACE.sub(lambda place: substitutions[place[1]], text)
