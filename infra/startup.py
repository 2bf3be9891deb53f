"""How long each function takes to start: processor time of its imports, and the time at each memory.

`python -m infra.startup` measures it on this machine, the best of a few processes, and prints what belongs
into topology/component.toml. Lambda's processors are not this machine's: topology/model.py leaves a margin.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.names import VARIABLE_PREFIX, Names
from infra.settings import CHECKOUT
from topology import load_topology
from topology.model import CORE_MB

__all__ = ["SIZES", "cpu_seconds"]

_TIMES: Final = 5
SIZES: Final = (256, 512, 768, 1_024, CORE_MB)
"""Megabytes of memory to tell the time for."""
_MODEL: Final = "textline-orientation"


def cpu_seconds(name: str, model: Path) -> float:
    """Processor time of a process that imports a handler and does nothing else; the least of a few.

    Args:
        name: of the function in the topology.
        model: the folder of the artefact that it may load.
    """
    names = Names()
    topology = load_topology()
    own = topology.environment(name, names)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(VARIABLE_PREFIX)}
    environment = {
        **inherited,
        **own,
        f"{VARIABLE_PREFIX}MODEL_DIR": str(model),
        "AWS_DEFAULT_REGION": names.region,
        "PYTHONPATH": str(CHECKOUT),
    }
    code = f"import {topology.functions[name].handler.rpartition('.')[0]}"
    return min(_spent([sys.executable, "-P", "-c", code], environment) for _ in range(_TIMES))


def _spent(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print a line for each function."""
    print(
        f"{'function':12} {'has MB':>7} {'CPU s':>6}   seconds with "
        + ", ".join(f"{size} MB" for size in SIZES)
    )
    for name, function in load_topology().functions.items():
        seconds = cpu_seconds(name, artifacts_root() / _MODEL)
        at = "  ".join(f"{seconds * CORE_MB / size:.1f}" for size in SIZES)
        print(f"{name:12} {function.memory_mb:7} {seconds:6.2f}   {at}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
