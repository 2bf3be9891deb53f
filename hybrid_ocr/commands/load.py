"""`load`: drive a deployment with small documents; what scales is compared with the simulator."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.durations import seconds
from hybrid_ocr.commands.exits import NOT_WHOLE, WHOLE, exits
from hybrid_ocr.commands.options import LONGEST_WAIT, AsJson, Quiet
from hybrid_ocr.contracts.errors import ConfigurationError, EngineError, RequestError
from hybrid_ocr.needs import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaling.load import Passed
    from autoscaling.load_report import Scaling
    from hybrid_ocr.clients import Connection

_PERIODS_UNTIL_ASLEEP: Final = 60
_MOST_DOCUMENTS: Final = 10_000


@needs("load", extra="local")
@exits
@with_deployment_options
def load(
    deployment: DeploymentOptions,
    *,
    rate: Annotated[float, typer.Option(min=0.001, max=100, help="Documents a second, on average.")] = 0.2,
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long they come: 60s, 10m, 1h.")] = "60s",
    pages_each: Annotated[int, typer.Option(min=1, max=8, help="Pages of each document.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same arrivals.")] = 0,
    until_asleep: Annotated[
        bool,
        typer.Option(
            "--until-asleep",
            help="Of a local cloud that scales, watch until its endpoints sleep again, at most 60 periods.",
        ),
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=1, help="The longest wait for a document when all came."),
    ] = LONGEST_WAIT,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Drive a deployment with small documents that arrive by chance, as tests, and tell how they fared.

    Each is the page of `smoke`, as often as --pages-each says. Told are how many came and were read, and the
    median and the 95th percentile of the time from submission to outcome.

    Of a local cloud that scales (`hybrid-ocr up --autoscale`), if all were read, also the instances over
    time, and beside them what the simulator says of the same documents. It is given when they came, how long
    each step of each took, how long instances took to start, and when gauges were read; how long documents
    wait and when instances come and go is its own. Where there is nothing to compare it says why.

    Exit codes: 0 all were read; 1 some failed; 2 the command line is wrong; 3 the deployment is not there or
    does not answer, or a document is not done within --timeout; 130 interrupted.
    """
    from uuid import uuid4

    from rich.console import Console

    from autoscaling.load import arrival_times, document, drive
    from autoscaling.load_report import look
    from hybrid_ocr.clients import AsyncClient

    length = seconds("--duration", duration)
    if rate * length > _MOST_DOCUMENTS:
        raise RequestError(f"--rate x --duration is over {_MOST_DOCUMENTS:,} documents")
    connection = deployment.connect()
    times = arrival_times(rate, length, seed)
    client, body = AsyncClient(connection=connection), document(pages_each)
    start = look(connection)
    with Console(stderr=True, quiet=quiet).status(f"{len(times)} documents") as status:
        passed = drive(
            client,
            body,
            times,
            timeout=timeout,
            label=f"load-{uuid4().hex[:8]}",
            done=lambda count: status.update(f"{count} of {len(times)} documents are read"),
        )
        after = _watch(connection, start, until_asleep=until_asleep)
        facts = _facts(passed)
        if start and after and all(arrival.read for arrival in passed):
            facts |= comparison(connection, start, after, passed)
    if as_json:
        print(json.dumps(facts, indent=1))
    else:
        _print(facts)
    return WHOLE if all(arrival.read for arrival in passed) else NOT_WHOLE


def _watch(connection: Connection, start: Scaling | None, *, until_asleep: bool) -> Scaling | None:
    """How the endpoints scale after the run, or at last when they sleep again."""
    from autoscaling.load_report import look

    if start is None:
        return None
    deadline = time.monotonic() + _PERIODS_UNTIL_ASLEEP * start.period_seconds / start.speed
    while (now := look(connection)) and until_asleep and not now.asleep and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def _facts(passed: Sequence[Passed]) -> dict[str, Any]:
    import numpy as np

    latency = [arrival.latency for arrival in passed]
    return {
        "arrivals": len(passed),
        "read": sum(arrival.read for arrival in passed),
        "seconds": max(arrival.stopped for arrival in passed) - min(arrival.submitted for arrival in passed),
        "latency": {f"p{p}": float(np.percentile(latency, p, method="inverted_cdf")) for p in (50, 95)},
    }


def comparison(
    connection: Connection, start: Scaling, after: Scaling, passed: Sequence[Passed]
) -> dict[str, Any]:
    """The same documents in the simulator; seconds are those of the clock."""
    from autoscaling.load_report import agreement, simulated, steps
    from autoscaling.simulation.model import STAGES

    try:
        work = steps(connection, passed, start, after)
        outcome = simulated(after, start, work)
    except (EngineError, ConfigurationError) as unknown:
        return {"not_compared": unknown.message}
    agreements = {stage: agreement(after, start, outcome, stage) for stage in STAGES}
    return {
        "speed": start.speed,
        "began_asleep": start.asleep,
        "service_seconds": {
            stage: float(seconds.mean()) / start.speed for stage, seconds in work.service.items()
        },
        "simulated": {f"p{p}": outcome.percentile(p) / start.speed for p in (50, 95)},
        "instances": {
            stage: {
                "periods": instances.periods,
                "agreeing": instances.agreeing,
                "rows": [(when / start.speed, real, simulated) for when, real, simulated in instances.rows],
            }
            for stage, instances in agreements.items()
        },
        "decisions": {stage: after.endpoints[stage]["decisions"] for stage in STAGES},
    }


def _print(facts: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(
        f"{facts['arrivals']} documents came, {facts['read']} were read, in {facts['seconds']:.1f} s"
    )
    if "simulated" not in facts:
        for name, seconds in facts["latency"].items():
            console.print(f"{name} {seconds:.2f} s")
        if "not_compared" in facts:
            console.print(Text(f"not compared with the simulator: {facts['not_compared']}", "yellow"))
        return
    table = Table("", "measured", "simulated", "differs by", box=None, pad_edge=False, header_style="dim")
    for name, seconds in facts["latency"].items():
        other = facts["simulated"][name]
        table.add_row(f"{name} latency", f"{seconds:.2f} s", f"{other:.2f} s", f"{other / seconds - 1:+.1%}")
    console.print(table)
    for stage, counts in facts["instances"].items():
        console.print(Text(f"\n{stage}", "bold"), end="")
        console.print(
            f"  instances agree within a period in {counts['agreeing']} of {counts['periods']} periods"
        )
        table = Table("clock", "measured", "simulated", box=None, pad_edge=False, header_style="dim")
        for when, real, other in counts["rows"]:
            table.add_row(f"{when:.1f} s", str(real), Text(str(other), "" if real == other else "yellow"))
        console.print(table)
    if not facts["began_asleep"]:
        console.print(Text("\nthe endpoints had more than their least instances when it began", "yellow"))
