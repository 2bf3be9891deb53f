"""Rules of the flow: nothing waits for ever, and nothing ends unheard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.rules.component import Component
from infra.rules.registry import rule


@rule
def tasks_have_a_timeout(component: Component) -> Iterator[str]:
    """Every task of the flow has TimeoutSeconds."""
    return (name for name, task in _tasks(component) if task.get("TimeoutSeconds", 0) <= 0)


@rule
def tasks_are_caught(component: Component) -> Iterator[str]:
    """Every task of the flow has a Catch for all errors."""
    for name, task in _tasks(component):
        caught = {error for catcher in task.get("Catch", ()) for error in catcher["ErrorEquals"]}
        if "States.ALL" not in caught:
            yield name


@rule
def tasks_are_retried(component: Component) -> Iterator[str]:
    """Every task of the flow has a Retry."""
    return (name for name, task in _tasks(component) if not task.get("Retry"))


@rule
def callbacks_have_a_heartbeat(component: Component) -> Iterator[str]:
    """Every callback has HeartbeatSeconds below its TimeoutSeconds."""
    for name, task in _tasks(component):
        if task["Resource"].endswith(".waitForTaskToken"):
            heartbeat = task.get("HeartbeatSeconds", 0)
            if not 0 < heartbeat < task.get("TimeoutSeconds", 0):
                yield name


@rule
def flows_log_all_but_no_data(component: Component) -> Iterator[str]:
    """State machines log every transition, and nothing that a state carried."""
    for machine, _ in component.flows:
        told = machine.properties.get("LoggingConfiguration", {})
        if told.get("Level") != "ALL" or told.get("IncludeExecutionData", True):
            yield str(machine)


@rule
def flows_are_traced(component: Component) -> Iterator[str]:
    """State machines are traced by X-Ray."""
    for machine, _ in component.flows:
        if not machine.properties.get("TracingConfiguration", {}).get("Enabled"):
            yield str(machine)


def _tasks(component: Component) -> Iterator[tuple[str, dict[str, Any]]]:
    for _, definition in component.flows:
        yield from ((name, state) for name, state in _states(definition) if state["Type"] == "Task")


def _states(flow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in flow["States"].items():
        yield name, state
        inner = [state["ItemProcessor"]] if "ItemProcessor" in state else state.get("Branches", [])
        for part in inner:
            yield from _states(part)
