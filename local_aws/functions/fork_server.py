"""The process whose forks become instances: it imports once what every function needs, then only forks.

It has one thread, which makes a fork safe, and none of the pool's files but a socket. The end of that socket
is the pool's end, however it came: then it kills every instance, removes their folders and ends itself.
(multiprocessing's own fork server leaves busy children and what they started behind, and imports the caller's
main module again.)

A request is one packet of JSON, `{handler, environment, code}`, with two descriptors: the instance's link to
the pool and the pipe of its log. The link's last frame is from this process: the exit status. Where the pool
shuts its side of the link, the instance is killed.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from local_aws.account import CREDENTIALS
from local_aws.functions import runtime
from local_aws.functions.model import InvokeRefused

_INHERITED: Final = ("PATH", "HOME", "LANG", "PYTHON")
"""What begins so is all that functions see of the caller's environment."""

_NO_FILES: Final = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
"""As in Lambda: the user's own profile, which may name an endpoint of a service, stays out of functions."""

_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""OpenBLAS starts its threads when it is loaded, and what has threads cannot be forked safely."""

_PROGRAM: Final = (
    "import json, sys; path, *given = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from local_aws.functions.fork_server import main; main(*given)"
)
"""A program of its own: nothing of the caller's main module is imported, or run, a second time."""

_STOP_SECONDS: Final = 5.0
_MOST_REQUEST_BYTES: Final = 2**16
_LINK: Final = 3
_FIRST_UNUSED, _LAST_UNUSED = 4, 2**20
_PR_SET_PDEATHSIG: Final = 1


class ForkServer:
    """The pool's end of it; a context manager. It starts without waiting for the imports.

    Args:
        log: the file where its own standard error goes.
        modules: imported once, used by most functions; none may start a thread or open a file.
        services: of AWS, whose API models boto3's default session keeps, so that `boto3.client` of an
            instance takes 5 ms and not 60.
    """

    def __init__(self, log: Path, modules: Sequence[str], services: Sequence[str]) -> None:
        self._log, self._preloaded = log, (list(modules), list(services))

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.folder = Path(tempfile.mkdtemp(prefix="functions-"))
        """What instances may write to; the server removes it at its end."""
        inherited = {name: value for name, value in os.environ.items() if name.startswith(_INHERITED)}
        given = json.dumps([sys.path, theirs.fileno(), str(self.folder), *self._preloaded])
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, given],
                env=inherited | _NO_FILES | _ONE_THREAD,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # neither Ctrl-C nor a signal to the caller's group reaches it
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it and every instance."""
        with suppress(OSError):  # it has ended
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fork(self, handler: str, environment: Mapping[str, str], code: Path | None) -> tuple[Connection, int]:
        """A new process, which loads the handler next: the link to it, and a descriptor of what it writes.

        Raises:
            InvokeRefused: the server has ended.
        """
        request = {"handler": handler, "environment": environment, "code": str(code) if code else None}
        link, their_link = Pipe()
        log, their_log = os.pipe()
        os.set_blocking(log, False)
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [their_link.fileno(), their_log])
        except OSError as error:
            link.close()
            os.close(log)
            message = f"the fork server of the functions has ended: {error}"
            raise InvokeRefused("ServiceException", 500, message) from error
        finally:
            their_link.close()
            os.close(their_log)
        return link, log


class _Child(NamedTuple):
    pid: int
    pidfd: int
    link: int


def main(control_fd: int, folder: str, modules: Sequence[str], services: Sequence[str]) -> None:
    """Fork as asked until the pool hangs up, which has the other end of the socket; then remove `folder`."""
    _preload(modules, services)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads after the imports: a fork would copy locks that nobody opens")
    children: dict[int, _Child] = {}  # by their descriptors
    try:
        with socket.socket(fileno=control_fd) as control, select.epoll() as poll:
            poll.register(control, select.EPOLLIN)
            while _serve(control, poll, children):
                pass
    finally:
        for child in children.values():
            _kill_group(child.pid)
    shutil.rmtree(folder, ignore_errors=True)


def _preload(modules: Sequence[str], services: Sequence[str]) -> None:
    """Import what is shared, and keep garbage collection from writing to it: its pages stay shared."""
    for name in modules:
        importlib.import_module(name)
    import boto3

    for service in services:
        boto3.client(service, **CREDENTIALS)  # type: ignore[call-overload]
        if service in boto3.Session().get_available_resources():
            boto3.resource(service, **CREDENTIALS)  # type: ignore[call-overload]
    gc.collect()
    gc.freeze()


def _serve(control: socket.socket, poll: select.epoll, children: dict[int, _Child]) -> bool:
    """See to one descriptor that has news; False where the pool has hung up."""
    [(descriptor, _)] = poll.poll(maxevents=1)
    if child := children.get(descriptor):
        for each in (child.pidfd, child.link):
            poll.unregister(each)
            del children[each]
        _end(child)
        return True
    message, fds, _, _ = socket.recv_fds(control, _MOST_REQUEST_BYTES, 2)
    if not message:
        return False
    link, log = fds
    try:
        pid = os.fork()
    except OSError:  # no memory, too many processes: the pool sees its descriptors closed
        os.close(link)
    else:
        if pid == 0:
            _become_instance(message, link, log)
        child = _Child(pid, os.pidfd_open(pid), link)
        children |= {child.pidfd: child, child.link: child}
        poll.register(child.pidfd, select.EPOLLIN)  # it has ended
        poll.register(child.link, select.EPOLLRDHUP)  # the pool wants its end
    os.close(log)
    return True


def _end(child: _Child) -> None:
    """End a child with all that it has started, and send its exit status."""
    _kill_group(child.pid)  # not reaped yet: the number is nobody else's
    end: Any = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
    status = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
    os.set_blocking(child.link, False)
    with Connection(child.link) as link, suppress(OSError):  # full, or closed: nobody waits for it
        link.send_bytes(runtime.ENDED + str(status).encode())
    os.waitpid(child.pid, 0)  # only now: who sees no process may rely on the frame
    os.close(child.pidfd)


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # one that was just forked is not yet a group of its own
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _become_instance(message: bytes, link: int, log: int) -> None:
    """Never returns. Whatever is raised ends the process with status 1, as in Lambda."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(link, _LINK, inheritable=False)
        os.closerange(_FIRST_UNUSED, _LAST_UNUSED)  # the server's own, and those of its other children
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        request = json.loads(message)
        for name in _ONE_THREAD:
            del os.environ[name]
        os.environ.update(request["environment"])
        tempfile.tempdir = None
        os.chdir(request["code"] or os.environ["TMPDIR"])
        if request["code"]:
            sys.path.insert(0, request["code"])
        runtime.serve(Connection(_LINK), request["handler"])
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
