"""`scale`: what a scaling policy will do and cost, before it is paid for."""

from __future__ import annotations

import re
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_ocr.commands.durations import seconds
from hybrid_ocr.commands.exits import INTERRUPTED, NOT_WHOLE, WHOLE, exits
from hybrid_ocr.commands.options import AsJson, Quiet
from hybrid_ocr.commands.scale_options import (
    ColdStart,
    Hosts,
    PoliciesFile,
    PricesFile,
    Resolution,
    Seed,
    TimesFile,
    TimeZone,
    TraceOption,
    Wake,
)
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import EndpointMode
from hybrid_ocr.needs import needs

if TYPE_CHECKING:
    from autoscaling.scenario import Scenario

app = typer.Typer(help="Simulate scaling policies, and find better ones.", no_args_is_help=True)


@needs("scale simulate", extra="autoscale")
@exits
def simulate(  # noqa: PLR0917 - typer makes the command line of it
    trace: TraceOption,
    policies: PoliciesFile = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other policies, for a second column.")
    ] = None,
    host: Hosts = None,
    against_host: Annotated[
        list[str] | None,
        typer.Option(metavar="STAGE=TYPE[:MODE]", help="The same for the second column; else as the first."),
    ] = None,
    wake: Annotated[
        Wake | None,
        typer.Option(
            help="Documents wake all endpoints together, or each waits for its own work; both: a column for"
            " either. Else as the policies say.",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        str | None, typer.Option(metavar="TIME", help="Count documents that take longer: 120s, 5m, 1h.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: FILE.html or FILE.png.")] = None,
    resolution: Annotated[
        Resolution, typer.Option(help="Each document, flows by tick, or what suits their number.")
    ] = Resolution.AUTO,
    prices: PricesFile = None,
    service_times: TimesFile = None,
    cold_start: ColdStart = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Tell what policies would do to latency, instances and cost under a trace.

    Exit codes: 0 it was simulated; 2 the trace or the command line is wrong; 3 policies or tables are wrong.
    """
    from autoscaling.plots import check_format, save
    from autoscaling.prices import load_prices
    from autoscaling.run import run
    from autoscaling.traffic import open_trace
    from hybrid_ocr.commands.scale_output import print_runs, warn_of_estimates

    if (against is not None or against_host) and wake is Wake.BOTH:
        raise RequestError("--against and --wake both: two columns at once are enough, choose one")
    if plot is not None:
        check_format(plot)
    limit = None if deadline is None else seconds("--deadline", deadline)
    table, arrivals = load_prices(prices), open_trace(trace)
    scenario = _scenario(policies, host, service_times, wake, cold_start)
    named = {policies.name if policies else "policies.toml": scenario}
    if against is not None or against_host:
        name = against.name if against else "other hosts"
        other = _scenario(against or policies, against_host or host, service_times, wake, cold_start)
        named[name if name not in named else f"{name} (2)"] = other
    if wake is Wake.BOTH:
        named = {
            "each by its alarm": scenario.waking(together=False),
            "woken together": scenario.waking(together=True),
        }
    runs = [
        run(
            compared,
            arrivals,
            table,
            name=name,
            resolution=resolution.value,
            deadline_seconds=limit,
            seed=seed,
        )
        for name, compared in named.items()
    ]
    if plot is not None:
        save(runs, plot, f"Scaling under {Path(trace).name}")
    print_runs(runs, as_json=as_json)
    warn_of_estimates(scenario)
    return WHOLE


@needs("scale tune", extra="autoscale")
@exits
def tune(  # noqa: PLR0917 - typer makes the command line of it
    trace: TraceOption,
    p95: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Latency that 95 of 100 documents keep: 120s, 5m; else that of now."
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="DOLLARS", min=0.01, help="The most in 30 days.")
    ] = None,
    policies: PoliciesFile = None,
    host: Hosts = None,
    instance_type: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Choose among these only. Can be repeated."),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(metavar="async|realtime", help="Choose among these only. Can be repeated."),
    ] = None,
    most: Annotated[int, typer.Option("--max", min=1, max=1000, help="Instances of an endpoint.")] = 40,
    trials: Annotated[int, typer.Option(min=1, help="Candidates that are simulated.")] = 300,
    longest: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="Stop searching after: 60s, 5m.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the policies found as a policies.toml.")
    ] = None,
    timezone: TimeZone = "Etc/UTC",
    prices: PricesFile = None,
    service_times: TimesFile = None,
    cold_start: ColdStart = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Search for policies, instance types and modes that cost less; print the Pareto front and a diff.

    Control-C ends the search, not the command: the best so far is printed and written.

    Exit codes: 0 found; 1 nothing that was tried meets the goal; 2 the trace or the command line is wrong;
    3 policies or tables are wrong; 130 interrupted, with what was found until then.
    """
    from autoscaling.prices import load_prices
    from autoscaling.search_space import Space
    from autoscaling.traffic import open_trace
    from autoscaling.tuner import Goal, tune
    from autoscaling.whole_file import replace_whole
    from hybrid_ocr.commands.scale_output import (
        changed_file,
        print_tuning,
        searching,
        warn_of_estimates,
    )

    limit = None if p95 is None else seconds("--p95", p95)
    time_limit = None if longest is None else seconds("--time", longest)
    arrivals = open_trace(trace)
    scenario = _scenario(policies, host, service_times, cold_start=cold_start)
    space = Space.of(
        load_prices(prices),
        scenario.service_times,
        instance_type or (),
        modes=_modes(mode),
        most_instances=most,
        timezone=timezone,
    )
    with searching(trials, quiet=quiet) as progress:
        found = tune(
            arrivals,
            scenario,
            space=space,
            goal=Goal(limit, budget),
            trials=trials,
            seed=seed,
            longest_seconds=time_limit,
            progress=progress,
        )
    print_tuning(found, policies, as_json=as_json)
    warn_of_estimates(found.chosen.scenario if found.chosen else scenario)
    if out is not None and found.chosen is not None:
        replace_whole(out, changed_file(found.chosen, policies)[1])
    if found.interrupted:
        return INTERRUPTED
    return NOT_WHOLE if found.chosen is None else WHOLE


@needs("scale schedules", extra="autoscale")
@exits
def schedules(  # noqa: PLR0917 - typer makes the command line of it
    trace: TraceOption,
    policies: PoliciesFile = None,
    host: Hosts = None,
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="How busy the scheduled instances shall be.")
    ] = 0.7,
    lead: Annotated[
        int, typer.Option(metavar="MINUTES", min=0, max=60, help="How long before the load they start.")
    ] = 15,
    timezone: TimeZone = "Etc/UTC",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a policies.toml that has them.")
    ] = None,
    service_times: TimesFile = None,
) -> int:
    """Propose scheduled actions for what repeats in a trace, as a diff of policies.toml.

    Predictive scaling is not offered for SageMaker; a schedule has the instances there before the load.

    Exit codes: 0 proposed, even if nothing repeats; 2 the trace or the command line is wrong; 3 policies or
    tables are wrong.
    """
    from autoscaling.schedules import scheduled
    from autoscaling.traffic import open_trace
    from autoscaling.whole_file import replace_whole
    from hybrid_ocr.commands.scale_output import print_difference, with_policies_of

    arrivals = open_trace(trace)
    scenario = _scenario(policies, host, service_times)
    found = scheduled(arrivals, scenario, utilisation=utilisation, lead_minutes=lead, timezone=timezone)
    before, after = with_policies_of(found, policies)
    print_difference(before, after)
    if out is not None:
        replace_whole(out, after)
    return WHOLE


@needs("scale trace", extra="autoscale")
@exits
def trace(
    trace: TraceOption,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the CSV file goes.")],
) -> int:
    """Write traffic as a CSV trace: to look at a recipe, or to begin a trace of your own.

    Exit codes: 0 written; 2 there is no such traffic; 3 it cannot be written.
    """
    from autoscaling.arrivals import write_trace
    from autoscaling.traffic import open_trace

    write_trace(open_trace(trace), out)
    return WHOLE


for _command in (simulate, tune, schedules, trace):
    app.command(help=re.sub(r"(?<!\n)\n(?!\n)", " ", getdoc(_command) or ""))(_command)


def _scenario(
    policies: Path | None,
    hosts: list[str] | None,
    service_times: Path | None,
    wake: Wake | None = None,
    cold_start: str | None = None,
) -> Scenario:
    from autoscaling import load_policies
    from autoscaling.scenario import Scenario, parse_hosting
    from autoscaling.service_times import load_service_times
    from autoscaling.simulation.model import Delays

    scenario = Scenario(
        policies=load_policies(policies),
        service_times=load_service_times(service_times),
        hosting=parse_hosting(hosts or []),
        delays=Delays() if cold_start is None else Delays().adding_up_to(seconds("--cold-start", cold_start)),
    )
    return scenario if wake in {None, Wake.BOTH} else scenario.waking(together=wake is Wake.TOGETHER)


def _modes(names: list[str] | None) -> tuple[EndpointMode, ...]:
    known: tuple[EndpointMode, ...] = ("async", "realtime")
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise RequestError(f"--mode {unknown[0][:40]}: an endpoint is {' or '.join(known)}")
    return tuple(mode for mode in known if not names or mode in names)
