"""How many CPU threads this process may really use.

A container sees every core of its machine but is granted a share of them; an engine that starts one thread
for each core it sees is throttled by the scheduler and gets slower, not faster.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def granted_threads(root: Path = Path("/")) -> int:
    """Threads worth starting: the cores this process may run on, capped by the cgroup's quota, at least one.

    A quota of one and a half cores gives two threads. `root` is where /proc and /sys are found.
    """
    cores = len(os.sched_getaffinity(0))
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Cores granted by each cgroup this process is in, version 2 (cpu.max) and version 1 (cfs quota)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            for folder in _upwards(root / "sys/fs/cgroup", path):
                yield from _ratio(*_text(folder / "cpu.max").split()[:2])
        elif "cpu" in controllers.split(","):
            for mount in {controllers, "cpu"}:
                for folder in _upwards(root / "sys/fs/cgroup" / mount, path):
                    yield from _ratio(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The folder of a cgroup and of each of its parents; inside a container only the mount itself exists."""
    folder = mount / path.strip().lstrip("/")
    while folder != mount and mount in folder.parents:
        yield folder
        folder = folder.parent
    yield mount


def _ratio(quota: str = "", period: str = "") -> Iterator[float]:
    """Quota over period, both in microseconds; nothing where there is no limit (`max`, -1, no file)."""
    if quota.strip().isdigit() and period.strip().isdigit() and int(quota) > 0 and int(period) > 0:
        yield int(quota) / int(period)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
