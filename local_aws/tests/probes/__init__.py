"""What shows that a seam is needed still: a probe for each, run with the seam and without it.

A probe is called with a local AWS that has every other seam, and says whether AWS's behaviour was met:
True with the seam, False as long as moto departs from AWS there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Final

from local_aws import Component, FunctionSpec, LocalAws

Probe = Callable[[LocalAws], bool]

PROBES: Final[dict[str, Probe]] = {}
COMPONENT: Final = Component({"function": FunctionSpec("local_aws.tests.functions.handlers.echo", 30.0)})
"""What each local AWS runs."""


def probe(target: str) -> Callable[[Probe], Probe]:
    """Let a function be the probe of the seam at `module:Class.name`."""

    def register(run: Probe) -> Probe:
        PROBES[target] = run
        return run

    return register


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
