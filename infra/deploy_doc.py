"""The tables of docs/deploy.md: what each stage costs while nothing happens, and how long functions start.

`python -m infra.deploy_doc` writes them, `--check` fails when they have drifted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from autoscaling.prices import load_prices
from hybrid_ocr.contracts.errors import ConfigurationError
from infra.idle import IdleCost, idle_costs
from infra.rules import Component
from infra.settings import stage_names
from infra.startup import SIZES
from infra.synthesis import ROOT, synthesise
from topology import load_topology
from topology.model import CORE_MB

__all__ = ["costs_of", "replaced", "startup_table", "table"]

PAGE: Final = ROOT / "docs" / "deploy.md"
_BEGIN: Final = "<!-- {}: make generated -->\n"
_END: Final = "<!-- end -->"


def costs_of(stage: str, prices: Path | None = None) -> list[IdleCost]:
    """What a stage of infra/stages/ costs while nothing happens.

    Args:
        stage: by its name.
        prices: another prices.toml.

    Raises:
        ConfigurationError: the stage cannot be synthesised, or a price is missing.
    """
    loaded = load_prices(prices)
    with TemporaryDirectory(prefix="hybrid-ocr-") as folder:
        return idle_costs(Component.read(synthesise(stage, output=Path(folder) / stage)), loaded)


def table(costs: Sequence[IdleCost]) -> str:
    """Costs as a table of Markdown, with the sum last."""
    rows = [
        f"| {cost.what} | {cost.units:.6g} | {cost.price:g} | {cost.per} | {cost.dollars:.2f} |"
        for cost in costs
    ]
    total = sum(cost.dollars for cost in costs)
    return "\n".join(
        [
            "| what | a month | dollars | for each | dollars a month |",
            "|---|---|---|---|---|",
            *rows,
            f"| **together** | | | | **{total:.2f}** |",
            "",
        ]
    )


def replaced(page: str, tables: dict[str, str]) -> str:
    """A page with each table between its marks.

    Raises:
        ConfigurationError: the page has no place for a table.
    """
    for title, text in tables.items():
        before, begin, rest = page.partition(_BEGIN.format(title))
        _, end, after = rest.partition(_END)
        if not begin or not end:
            raise ConfigurationError(
                f"docs/deploy.md: there is no line {_BEGIN.format(title)!r} with its end"
            )
        page = f"{before}{begin}{text}{end}{after}"
    return page


def startup_table() -> str:
    """How long each function of the topology starts with how much memory, and how much it has."""
    head = ["function", "CPU seconds", *(f"{size:,} MB" for size in SIZES), "it has"]
    rows = [
        [
            f"`{name}`",
            f"{function.startup_cpu_seconds:.2f}",
            *(f"{function.startup_cpu_seconds * CORE_MB / size:.1f}" for size in SIZES),
            f"{function.memory_mb:,} MB",
        ]
        for name, function in load_topology().functions.items()
        if function.startup_cpu_seconds is not None
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tables() -> Iterator[tuple[str, str]]:
    yield "start-up", startup_table()
    for stage in stage_names():
        yield f"idle cost of {stage}", table(costs_of(stage))


def main() -> int:
    """Write the tables, or with --check compare them."""
    page = PAGE.read_text("utf-8")
    made = replaced(page, dict(_tables()))
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, "utf-8")
    elif made != page:
        print(
            f"{PAGE.relative_to(ROOT)} has drifted from the templates: run `make generated`", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
