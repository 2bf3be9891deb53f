"""The process whose forks become instances: it imports once what every function needs, then only forks.

It has one thread, which makes a fork safe, and none of the pool's files but a socket. The end of that socket
is the pool's end, however it came: then it kills every instance, removes their folders and ends itself.

A request is one packet of JSON, `{handler, environment, code}`, with three descriptors: the instance's link
to the pool, the pipe of its log, and a socket on which this process tells of it: first its id with a
descriptor of it, and at its end the exit status, negative for a signal.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from local_aws.functions import runtime

NO_FILES: Final = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
"""As in Lambda: the user's own profile, which may name an endpoint of a service, stays out of functions."""

ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **NO_FILES}
"""OpenBLAS starts its threads when it is loaded, and what has threads cannot be forked safely."""

MOST_REQUEST_BYTES: Final = 2**16


@dataclass(frozen=True)
class _Child:
    pid: int
    pidfd: int
    status: socket.socket


def preload(modules: Sequence[str], services: Sequence[str]) -> None:
    """Import what is shared, and keep garbage collection from writing to it: its pages stay shared.

    Args:
        modules: used by most functions; none may start a thread or open a file.
        services: of AWS, whose API models boto3's default session keeps from then on, so that `boto3.client`
            of an instance takes 5 ms and not 60.
    """
    for name in modules:
        importlib.import_module(name)
    import boto3

    nobody: dict[str, Any] = dict.fromkeys(
        ("region_name", "aws_access_key_id", "aws_secret_access_key"), "none"
    )
    for service in services:
        boto3.client(service, **nobody)  # type: ignore[call-overload]
        if service in boto3.Session().get_available_resources():
            boto3.resource(service, **nobody)  # type: ignore[call-overload]
    gc.collect()
    gc.freeze()


def main(control_fd: int, folder: str, modules: Sequence[str], services: Sequence[str]) -> None:
    """Fork as asked until the pool hangs up.

    Args:
        control_fd: descriptor of the socket to the pool.
        folder: what instances may write to; removed at the end.
        modules: see `preload`.
        services: see `preload`.
    """
    preload(modules, services)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads after the imports: a fork would copy locks that nobody opens")
    with socket.socket(fileno=control_fd) as control:
        _Forks(control).run()
    shutil.rmtree(folder, ignore_errors=True)


class _Forks:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def run(self) -> None:
        """Until the pool hangs up; then no child is left."""
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fd in self._children:
                        self._reap(self._children.pop(key.fd))
                    elif not self._take():
                        return
        finally:
            for child in self._children.values():
                self._end(child.pid)

    def _take(self) -> bool:
        """Fork for the next request; False where there will be none."""
        message, fds, _, _ = socket.recv_fds(self._control, MOST_REQUEST_BYTES, 3)
        if not message:
            return False
        link, log, status = fds
        try:
            pid = os.fork()
        except OSError:  # no memory, too many processes: the pool sees its descriptors closed
            for descriptor in fds:
                os.close(descriptor)
            return True
        if pid == 0:
            self._become_instance(message, link, log, status)
        os.close(link)
        os.close(log)
        child = _Child(pid, os.pidfd_open(pid), socket.socket(fileno=status))
        self._children[child.pidfd] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ)
        with suppress(OSError):  # the pool has given up on it
            socket.send_fds(child.status, [str(pid).encode()], [child.pidfd])
        return True

    def _become_instance(self, message: bytes, link: int, log: int, status: int) -> None:
        """Never returns. Whatever is raised ends the process with status 1, as in Lambda."""
        code = 1
        try:
            os.setsid()
            self._selector.close()
            self._control.close()
            os.close(status)
            for sibling in self._children.values():
                sibling.status.close()
                os.close(sibling.pidfd)
            request = json.loads(message)
            _take_over(request["environment"], link, log)
            if request["code"]:
                sys.path.insert(0, request["code"])
            runtime.serve(Connection(link), request["handler"])
            code = 0
        except SystemExit as asked:
            code = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self, child: _Child) -> None:
        """Reap a child that ended, with all that it had started, and tell its status."""
        self._selector.unregister(child.pidfd)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self._end(child.pid)  # not reaped yet: the number of its group is nobody else's
        _, status = os.waitpid(child.pid, 0)
        with suppress(OSError):
            child.status.send(str(os.waitstatus_to_exitcode(status)).encode())
        child.status.close()
        os.close(child.pidfd)

    @staticmethod
    def _end(pid: int) -> None:
        for kill in (os.killpg, os.kill):  # one that was just forked is not yet a group of its own
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)


def _take_over(environment: dict[str, str], link: int, log: int) -> None:
    """Make the fork's environment and standard streams those of an instance."""
    os.set_inheritable(link, False)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(environment["TMPDIR"])
    tempfile.tempdir = None
