"""`python -m local_cloud.flow_bench`: what the flow costs beside the models it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hybrid_ocr.needs import needs

_ROOT = Path(__file__).resolve().parents[1]
app = typer.Typer(
    help=__doc__, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


@app.command()
@needs("python -m local_cloud.flow_bench", extra="bench")
def measure(  # noqa: PLR0917 - a command line, not a call
    data: Annotated[Path, typer.Option(help="A folder of documents.")] = _ROOT / "samples" / "documents",
    pages: Annotated[str, typer.Option(help="Lengths of the PDFs, with commas.")] = "20,100",
    repeat: Annotated[int, typer.Option(min=1)] = 2,
    calls: Annotated[int, typer.Option(min=1, help="Real-time calls.")] = 30,
    script: str = "latin",
    out: Path = _ROOT / "build" / "bench" / "flow.json",
) -> None:
    """Measure all of it and keep the numbers."""
    from local_cloud import flow_measures

    lengths = [int(count) for count in pages.split(",")]
    flow_measures.measure(data, lengths, repeat=repeat, calls=calls, script=script, out=out)


if __name__ == "__main__":
    app()
