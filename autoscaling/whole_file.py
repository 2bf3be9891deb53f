"""Writing a file whole or not at all."""

from __future__ import annotations

from pathlib import Path

__all__ = ["replace_whole"]


def replace_whole(path: Path, content: str | bytes) -> None:
    """Write a file at once: it is there whole, or what was there before still is.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
