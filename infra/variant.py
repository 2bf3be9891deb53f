"""The one production variant that every endpoint has."""

from __future__ import annotations

from typing import Final

__all__ = ["VARIANT"]

VARIANT: Final = "AllTraffic"
