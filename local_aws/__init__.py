"""AWS on one machine, for components of functions, state machines and endpoints; see README.md."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from local_aws.aws import LocalAws as LocalAws
    from local_aws.aws import Settings as Settings
    from local_aws.component import Component as Component
    from local_aws.component import Request as Request
    from local_aws.containers import Container as Container
    from local_aws.errors import ConfigurationError as ConfigurationError
    from local_aws.errors import LocalAwsError as LocalAwsError
    from local_aws.errors import StartError as StartError
    from local_aws.functions.model import FunctionSpec as FunctionSpec

_HOMES: Final = {
    "Component": "component",
    "ConfigurationError": "errors",
    "Container": "containers",
    "FunctionSpec": "functions.model",
    "LocalAws": "aws",
    "LocalAwsError": "errors",
    "Request": "component",
    "Settings": "aws",
    "StartError": "errors",
}


def __getattr__(name: str) -> object:
    """Imported at first use: moto takes a second, and what starts containers need not wait for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
