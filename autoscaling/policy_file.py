"""Writing policies into policies.toml: only the tables that change; all else stays, comments too."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping

from autoscaling.policies import Policies, Policy, Schedule
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage

__all__ = ["difference", "render", "with_policies"]

Changes = Mapping[tuple[EndpointStage, EndpointMode], Policy]


def render(stage: EndpointStage, mode: EndpointMode, policy: Policy) -> str:
    """The table of one endpoint, as policies.toml has it."""
    tracking = policy.tracking
    lines = [
        f"[{stage}.{mode}]",
        f"min_instances = {policy.min_instances}",
        f"max_instances = {policy.max_instances}",
        f'tracking = {{ metric = "{tracking.metric}", target = {tracking.target:g},'
        f" scale_out_cooldown_seconds = {tracking.scale_out_cooldown_seconds},"
        f" scale_in_cooldown_seconds = {tracking.scale_in_cooldown_seconds} }}",
    ]
    if policy.wake is not None:
        wake = policy.wake
        early = ", on_documents = true" if wake.on_documents else ""
        lines.append(
            f"wake = {{ periods = {wake.periods}, add_instances = {wake.add_instances},"
            f" cooldown_seconds = {wake.cooldown_seconds}{early} }}"
        )
    if policy.schedules:
        lines += ["schedules = [", *(f"  {_schedule(schedule)}," for schedule in policy.schedules), "]"]
    return "\n".join(lines) + "\n"


def with_policies(text: str, changes: Changes) -> str:
    """The text of a policies.toml with these policies in place of what it has; new tables go to its end.

    Comments inside of a table that changes are lost, those before it stay.

    Raises:
        ConfigurationError: the file is written in a way that this cannot edit.
    """
    for (stage, mode), policy in changes.items():
        text = _with_table(text, f"{stage}.{mode}", render(stage, mode, policy))
    try:
        written = Policies.model_validate(tomllib.loads(text))
    except ValueError:
        written = None
    if written is None or any(written.of(*key) != policy for key, policy in changes.items()):
        raise ConfigurationError("this file cannot be edited: write each table as `[stage.mode]`, once")
    return text


def _with_table(text: str, name: str, table: str) -> str:
    lines = text.splitlines(keepends=True)
    headings = [index for index, line in enumerate(lines) if line.startswith("[")]
    heading = re.compile(rf"\[{re.escape(name)}\]|\[\[?{re.escape(name)}\.")
    own = [index for index in headings if heading.match(lines[index])]
    if not own:
        return f"{text.rstrip()}\n\n{table}"
    end = next((index for index in headings if index > own[-1]), len(lines))
    while not lines[end - 1].strip() or lines[end - 1].startswith("#"):
        end -= 1
    return "".join([*lines[: own[0]], table, *lines[end:]])


def difference(before: str, after: str, name: str = "policies.toml") -> str:
    """A unified diff of two texts; nothing where they are the same."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}", n=1
    )
    return "".join(lines)


def _schedule(schedule: Schedule) -> str:
    zone = "" if schedule.timezone == "Etc/UTC" else f' timezone = "{schedule.timezone}",'
    return (
        f'{{ name = "{schedule.name}", when = "{schedule.when}",{zone}'
        f" min_instances = {schedule.min_instances}, max_instances = {schedule.max_instances} }}"
    )
