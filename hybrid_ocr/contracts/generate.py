"""Writes what is derived from the contracts: JSON Schemas and the table of errors.

`python -m hybrid_ocr.contracts.generate` writes; with `--check` it only compares, names what has drifted and
exits with 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hybrid_ocr.contracts import events, result
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ERRORS
from hybrid_ocr.contracts.stages import STAGES

ROOT = Path(__file__).resolve().parents[2]

PUBLISHED: tuple[type[Message], ...] = (
    *(spec.answer for spec in STAGES.values()),
    result.DocumentParts,
    result.DocumentResult,
    events.DocumentSubmitted,
    events.JobRedriven,
    events.DocumentCompleted,
    events.DocumentNeedsReview,
    events.DocumentFailed,
)


def schema_file(message: type[Message]) -> str:
    """The JSON Schema of a message, as the text of its file."""
    return json.dumps(message.model_json_schema(mode="serialization"), indent=2, sort_keys=True) + "\n"


def error_table() -> str:
    """docs/errors.md."""
    rows = []
    for code, spec in ERRORS.items():
        retry = "yes" if spec.retryable else "no"
        rows.append(f"| `{code}` | {spec.http_status} | {retry} | {spec.meaning} | {spec.remedy} |")
    return "\n".join(
        [
            "# Error codes",
            "",
            "A code never changes its meaning; the message beside it may.",
            "Made from `hybrid_ocr/contracts/errors.py` by `make generated`.",
            "",
            "| code | HTTP | retry helps | what it means | what to do |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def generated_files() -> dict[Path, str]:
    """Every derived file of the repository with the text it should have."""
    files = {ROOT / "schemas" / f"{message.__name__}.json": schema_file(message) for message in PUBLISHED}
    files[ROOT / "docs" / "errors.md"] = error_table()
    return files


def drifted() -> list[str]:
    """Names of derived files that are missing, outdated, or left over."""
    expected = generated_files()
    wrong = [path for path, text in expected.items() if not path.is_file() or path.read_text("utf-8") != text]
    leftover = [path for path in (ROOT / "schemas").glob("*.json") if path not in expected]
    return sorted(str(path.relative_to(ROOT)) for path in wrong + leftover)


def main() -> int:
    """Write the files, or with `--check` compare them."""
    if "--check" in sys.argv[1:]:
        stale = drifted()
        for name in stale:
            print(f"{name} is not what the contracts say: run `make generated`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in generated_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
