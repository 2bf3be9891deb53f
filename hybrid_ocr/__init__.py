"""Reads scanned documents: `read` for one, a `Pipeline` for many, clients for those of a deployment."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hybrid_ocr.clients import AsyncClient as AsyncClient
    from hybrid_ocr.clients import RealtimeClient as RealtimeClient
    from hybrid_ocr.pipeline import Pipeline as Pipeline
    from hybrid_ocr.pipeline import read as read

__all__ = ["AsyncClient", "Pipeline", "RealtimeClient", "read"]

_HOMES: Final = {
    "AsyncClient": "hybrid_ocr.clients",
    "RealtimeClient": "hybrid_ocr.clients",
    "Pipeline": "hybrid_ocr.pipeline",
    "read": "hybrid_ocr.pipeline",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: the clients bring boto3 and the pipeline OpenCV, and few want both."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
