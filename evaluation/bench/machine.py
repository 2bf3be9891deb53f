"""What a measurement depends on besides the contestants."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
)


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """Processor, its instructions that matter to networks, cores, memory, kernel and Python."""
    facts = _first_processor(cpuinfo)
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    return {
        "cpu": facts.get("model name", platform.processor() or platform.machine()),
        "flags": [flag for flag in _TELLING_FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "cores_used": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def describe_commit(folder: Path = Path(__file__).parent) -> str | None:
    """The commit of a checkout, with `-dirty` where files differ from it; None where there is none."""
    run = subprocess.run(
        ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip() or None


def hold_threads(threads: int) -> None:
    """Keep this process and those it starts on so many cores, whatever threads they believe to have.

    The contestants' own settings then stay as they are, and all are limited alike.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _first_processor(cpuinfo: Path) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in cpuinfo.read_text().split("\n\n", maxsplit=1)[0].splitlines():
        name, _, value = line.partition(":")
        facts[name.strip()] = value.strip()
    return facts
