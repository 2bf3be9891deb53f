"""What users import and type: the clients and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid_ocr.clients import AsyncClient as AsyncClient
    from hybrid_ocr.clients import RealtimeClient as RealtimeClient

__all__ = ["AsyncClient", "RealtimeClient"]


def __getattr__(name: str) -> object:
    """The clients bring boto3, which only those who use them need wait for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hybrid_ocr import clients

    return getattr(clients, name)
