"""What every state machine of this project keeps to, beyond what AWS checks when one is created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hybrid_ocr.contracts.flow_errors import FlowError, PermanentError

__all__ = ["broken_rules"]

State = Mapping[str, Any]

LONGEST_NAME: Final = 80
_JSONATA: Final = frozenset({"QueryLanguage", "Arguments", "Output", "Assign", "Condition", "Items"})
_CALLBACK: Final = ".waitForTaskToken"
_OWN_ERRORS: Final = frozenset(kind.__name__ for kind in FlowError.__subclasses__())


def broken_rules(flow: Mapping[str, Any]) -> list[str]:
    """What is wrong with a state machine, one line for each fault; none for a sound one.

    Args:
        flow: the parsed file, with or without its substitutions.
    """
    return list(_of_machine(flow, "the flow"))


def _of_machine(flow: Mapping[str, Any], where: str) -> Iterator[str]:
    states: Mapping[str, State] = flow["States"]
    yield from (
        f"{where}: {field} is of JSONata, this project writes JSONPath" for field in _JSONATA & flow.keys()
    )
    yield from _of_transitions(flow["StartAt"], states, where)
    for name, state in states.items():
        if len(name) > LONGEST_NAME:
            yield f"{name}: the name has more than {LONGEST_NAME} characters"
        yield from _of_state(name, state)
        for machine in [*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])]:
            yield from _of_machine(machine, name)


def _of_transitions(start: str, states: Mapping[str, State], where: str) -> Iterator[str]:
    reached, open_names = set[str](), [start]
    while open_names:
        name = open_names.pop()
        if name not in states:
            yield f"{where}: {name!r} is no state of it"
        elif name not in reached:
            reached.add(name)
            open_names += _successors(states[name])
    yield from (f"{name}: no state leads here" for name in states.keys() - reached)


def _successors(state: State) -> list[str]:
    ways = [state, *state.get("Catch", ()), *state.get("Choices", ())]
    return [way[field] for way in ways for field in ("Next", "Default") if field in way]


def _of_state(name: str, state: State) -> Iterator[str]:
    ways = [state, *state.get("Choices", ())]
    yield from (
        f"{name}: {field} is of JSONata" for field in sorted(_JSONATA & {key for way in ways for key in way})
    )
    if state["Type"] in {"Task", "Map", "Parallel"} and _names(state.get("Catch", ()))[-1:] != [
        ["States.ALL"]
    ]:
        yield f"{name}: its Catch must end with States.ALL"
    yield from _of_retry(name, state.get("Retry", ()))
    if state["Type"] != "Task":
        return
    if not state.get("Retry"):
        yield f"{name}: a task needs Retry"
    if "TimeoutSeconds" not in state:
        yield f"{name}: a task needs TimeoutSeconds; the default is three years"
    if state["Resource"].endswith(_CALLBACK) and not 0 < state.get("HeartbeatSeconds", 0) < state.get(
        "TimeoutSeconds", 0
    ):
        yield f"{name}: a callback needs HeartbeatSeconds below its TimeoutSeconds"


def _of_retry(name: str, retry: list[State]) -> Iterator[str]:
    for retrier in retry:
        errors = retrier["ErrorEquals"]
        if retrier.get("JitterStrategy") != "FULL":
            yield f"{name}: Retry of {errors} needs JitterStrategy FULL"
        if "MaxAttempts" not in retrier or "MaxDelaySeconds" not in retrier:
            yield f"{name}: Retry of {errors} needs MaxAttempts and MaxDelaySeconds"
        if PermanentError.__name__ in errors:
            yield f"{name}: {PermanentError.__name__} is never retried"
        yield from (
            f"{name}: {error} is none of {sorted(_OWN_ERRORS)}"
            for error in errors
            if "." not in error and error not in _OWN_ERRORS  # a name of AWS has a dot
        )
        if "States.ALL" in errors and (errors != ["States.ALL"] or retrier is not retry[-1]):
            yield f"{name}: States.ALL stands alone in the last retrier"
    tried = [error for errors in _names(retry) for error in errors]
    yield from (
        f"{name}: {error} is in two retriers" for error in sorted({e for e in tried if tried.count(e) > 1})
    )


def _names(clauses: list[State]) -> list[list[str]]:
    return [clause["ErrorEquals"] for clause in clauses]
