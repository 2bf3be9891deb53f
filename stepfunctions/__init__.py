"""The flow in Amazon States Language, and what loads and checks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.names import Names

__all__ = ["DOCUMENTS", "called_functions", "definition", "substituted"]

DOCUMENTS: Final = "documents.asl.json"

_PLACE: Final = re.compile(r"\$\{([^}]*)\}")
_FUNCTION: Final = re.compile(r"\$\{([A-Z][A-Za-z]*)Function\}")
_VALUE: Final = re.compile(r"[A-Za-z0-9._:/-]+")
"""What names and ARNs consist of: nothing that would have to be escaped in JSON."""


def called_functions(file: str = DOCUMENTS) -> tuple[str, ...]:
    """The functions that a state machine calls, by name: RotationFunction is `rotation`."""
    text = files(__name__).joinpath(file).read_text("utf-8")
    words = dict.fromkeys(_FUNCTION.findall(text))
    return tuple(re.sub("(?<=.)(?=[A-Z])", "_", word).lower() for word in words)


def substituted(names: Names, file: str = DOCUMENTS) -> dict[str, str]:
    """What stands for a state machine's places in a deployment: ARNs of functions."""
    return {
        f"{name.title().replace('_', '')}Function": names.arn("lambda", f"function:{names.function(name)}")
        for name in called_functions(file)
    }


def definition(substitutions: Mapping[str, str], file: str = DOCUMENTS) -> str:
    """A state machine as CreateStateMachine takes it: the file with its `${NAME}` replaced.

    Args:
        substitutions: of documents.asl.json what `substituted` gives.
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
