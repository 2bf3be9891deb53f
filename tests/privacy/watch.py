"""Watches a process from its start: a copy of this file is the `sitecustomize` of each process under test.

A line of JSON goes to a log for the start of each process, for each name that is looked up and address that
is called beyond this machine, and for each file or folder made in the home directory; calls out are refused.
Which log and home are meant stands in `watch.json` beside the copy, since some processes get no environment.
Code in C++ is out of sight here: what that writes is seen by looking at the home directory afterwards.
"""

import json
import os
import sys
from ipaddress import ip_address
from pathlib import Path

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_TOLD = json.loads(Path(__file__).with_name("watch.json").read_text("utf-8"))
_LOG, _HOMES = _TOLD["log"], [os.path.realpath(home) for home in _TOLD["homes"]]


def _tell(what: str, which: object) -> None:
    told = {"what": what, "which": str(which), "pid": os.getpid(), "command": sys.orig_argv}
    line = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, json.dumps(told).encode() + b"\n")
    os.close(line)


def _is_here(host: object) -> bool:
    """Whether a host is this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        address = ip_address(str(name))
    except ValueError:
        return str(name).endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _check_host(event: str, host: object) -> None:
    if not _is_here(host):
        _tell(event, host)
        raise PermissionError(f"{event} {host}: nothing beyond this machine is called here")


def _check_path(event: str, path: object) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        full = os.path.realpath(os.fsdecode(path))
        if any(full.startswith(home + os.sep) for home in _HOMES):
            _tell(event, full)


def _hook(event: str, arguments: tuple) -> None:
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        _check_host(event, arguments[0])
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(arguments[1], tuple):
        _check_host(event, arguments[1][0])
    elif event == "os.mkdir" or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
    ):
        _check_path(event, arguments[0])
    elif event in {"os.link", "os.rename", "os.symlink"}:
        _check_path(event, arguments[1])


_tell("start", os.environ.get("HOME"))
sys.addaudithook(_hook)
