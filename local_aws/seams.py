"""Seams of moto: where a function of it is replaced, for as long as what needs that is running.

`seams.toml` is the table of all of them: what moto does there, what AWS does and where that is written, and
the issue to file upstream. A replacement is a function that takes the state of its part of the local AWS and
what moto has there, before the arguments of the call:

    SEAMS = Seams()

    @SEAMS.replaces("moto.sqs.models:Queue.add_message")
    def add_message(queues: Queues, original: Callable, queue: Queue, message: Message) -> None: ...

    with SEAMS.installed(queues): ...
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Final, TypeVar

Replacement = TypeVar("Replacement", bound=Callable[..., Any])

_ABSENT: Final = object()


class Seams:
    """The seams of one part of the local AWS."""

    all: ClassVar[dict[str, Seams]] = {}
    """Which part has the seam at a place; of every part that was imported."""

    def __init__(self) -> None:
        self._replacements: dict[str, tuple[Callable[..., Any], bool]] = {}

    def replaces(self, target: str, *, value: bool = False) -> Callable[[Replacement], Replacement]:
        """Let the decorated function answer in place of `module:name` or `module:Class.name`.

        Args:
            target: where; moto may have nothing there.
            value: the function is called once, with state and original, and what it returns is put there: a
                class, a property.
        """

        def register(new: Replacement) -> Replacement:
            self._replacements[target] = (new, value)
            Seams.all[target] = self
            return new

        return register

    @contextmanager
    def installed(self, state: object = None) -> Iterator[None]:
        """Every replacement is in its place inside the block, and moto as it was after it."""
        with ExitStack() as stack:
            for target, (new, value) in self._replacements.items():
                stack.enter_context(_replaced(target, new, state, value=value))
            yield


@contextmanager
def _replaced(target: str, new: Callable[..., Any], state: object, *, value: bool) -> Iterator[None]:
    owner, name = _resolved(target)
    own = vars(owner).get(name, _ABSENT)  # as it is written there: a static method, or nothing of its own
    original = getattr(owner, name, None)

    def call(*arguments: Any, **named: Any) -> Any:
        return new(state, original, *arguments, **named)

    put = new(state, original) if value else staticmethod(call) if isinstance(own, staticmethod) else call
    setattr(owner, name, put)
    try:
        yield
    finally:
        if own is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def _resolved(target: str) -> tuple[Any, str]:
    """The class or module that has the name, and the name."""
    module, _, path = target.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in classes:
        owner = inspect.getattr_static(owner, each)
    return owner, name
