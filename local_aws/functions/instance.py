"""One instance of a function: a process that serves one invocation at a time and stays for the next."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from math import ceil
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final

from local_aws.functions import runtime
from local_aws.functions.logs import LogStream
from local_aws.functions.model import MOST_ANSWER_BYTES, FunctionSpec, Invocation, InvokeRefused

_INIT_SECONDS: Final = 10.0
"""Lambda's own limit of the first try to load a handler; the second has the function's timeout on top."""

_START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
"""How often the memory of an instance at work is looked at."""

_END_SECONDS: Final = 5.0
"""How long an instance that is killed may take to end."""


class _Ended(Exception):  # noqa: N818
    """The process is gone: its exit status, negative for a signal; 0 also where nobody knows it."""


class Instance:
    """A running instance.

    Args:
        spec: of its function.
        link: to its process.
        printed: descriptor of what the process and its children write, not blocking.
        log: where that goes.
        folder: its TMPDIR, removed with it.

    Raises:
        InvokeRefused: there is no process.
    """

    def __init__(
        self, spec: FunctionSpec, link: Connection, printed: int, log: LogStream, folder: Path
    ) -> None:
        self.spec, self.log = spec, log
        self._link, self._printed, self._folder = link, printed, folder
        self._ready = self._outgrew_memory = False
        self.pid = self._memory = 0
        self._sources: list[Connection | int] = [link, printed]
        try:
            self.pid = int(self._frame(time.monotonic() + _START_SECONDS)[1:])
        except (_Ended, TimeoutError):
            self.close()
            raise InvokeRefused("ServiceException", 500, "no process starts: see fork-server.log") from None

    @property
    def is_usable(self) -> bool:
        """Whether it can serve another invocation."""
        return self._ready and not self._link.poll()  # the news could only be of its end

    def invoke(self, event: bytes, request_id: str) -> Invocation:
        """Hand it an event and wait for the answer; after a failure of the process it is not usable."""
        began = time.monotonic()
        self.log.begin(request_id)
        self.log.add(f"START RequestId: {request_id} Version: $LATEST".encode())
        kind, payload = self._attempt(event, request_id)
        self._read_log()
        self.log.flush()
        error = str(json.loads(payload)["errorType"]) if kind == runtime.FAILURE else None
        self._report(request_id, 1000 * (time.monotonic() - began), error)
        return Invocation(payload, error, request_id, self.log.tail)

    def preload(self) -> None:
        """Load its handler before the first call; the log has what it prints."""
        with suppress(_Ended, TimeoutError):
            self._load()
        self._read_log()

    def kill(self) -> None:
        """End its process, whatever it does, and what that started."""
        self._ready = False
        with suppress(OSError), socket.socket(fileno=os.dup(self._link.fileno())) as link:
            link.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        deadline = time.monotonic() + _END_SECONDS
        with suppress(_Ended, TimeoutError):
            while True:
                self._frame(deadline)
        self._link.close()
        os.close(self._printed)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _attempt(self, event: bytes, request_id: str) -> tuple[bytes, bytes]:
        """The kind of the answer and its JSON, whatever becomes of the process."""
        try:
            frame = self._load() or self._call(event, request_id)
        except TimeoutError:
            self.kill()
            message = f"Task timed out after {self.spec.timeout_seconds:.2f} seconds"
            return _failure("Sandbox.Timedout", message, request_id)
        except _Ended as end:
            kind = "Runtime.OutOfMemory" if self._outgrew_memory else "Runtime.ExitError"
            return _failure(kind, _why_ended(end.args[0]), request_id)
        if len(frame) - 1 > MOST_ANSWER_BYTES:
            message = "Response payload size exceeded maximum allowed payload size"
            return _failure("Function.ResponseSizeTooLarge", f"{message} ({MOST_ANSWER_BYTES} bytes).")
        return frame[:1], frame[1:]

    def _load(self) -> bytes | None:
        """Load its handler, the first time; the failure where it cannot be, and then it is not usable."""
        if self._ready:
            return None
        frame = self._frame(time.monotonic() + _INIT_SECONDS + self.spec.timeout_seconds)
        self._ready = frame == runtime.READY
        return None if self._ready else frame

    def _call(self, event: bytes, request_id: str) -> bytes:
        limit = self.spec.timeout_seconds
        deadline = time.monotonic() + limit
        with suppress(OSError):  # it has ended: the next frame has its status
            self._link.send_bytes(json.dumps([request_id, time.time() + limit]).encode())
            self._link.send_bytes(event)
        return self._frame(deadline)

    def _frame(self, deadline: float) -> bytes:
        """The next frame of the instance, reading its log meanwhile."""
        while (left := deadline - time.monotonic()) > 0:
            ready = wait(self._sources, min(left, _LOOK_SECONDS))
            if self._printed in ready:
                self._read_log()
            if self._link in ready:
                try:
                    frame = self._link.recv_bytes()
                except (EOFError, OSError):
                    frame = runtime.ENDED
                if frame.startswith(runtime.ENDED):
                    self._ready = False
                    raise _Ended(int(frame[1:] or 0))
                return frame
            self._memory = max(self._memory, self._private_bytes())
            if self._memory > self.spec.memory_mb << 20:
                self._outgrew_memory = True
                self.kill()
        raise TimeoutError

    def _read_log(self) -> None:
        """What it has printed so far."""
        with suppress(BlockingIOError):
            while data := os.read(self._printed, 2**16):
                self.log.feed(data)
            self._sources = [self._link]  # nobody can write there any more

    def _private_bytes(self) -> int:
        """Memory that is not of files; what is still shared with the fork server counts too."""
        try:
            _, resident, shared, *_ = Path(f"/proc/{self.pid}/statm").read_text().split()
        except (OSError, ValueError):
            return 0
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")

    def _report(self, request_id: str, milliseconds: float, error: str | None) -> None:
        """The last two lines of an invocation."""
        used = max(self._memory, self._private_bytes()) >> 20
        report = f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms"
        report += f"\tBilled Duration: {ceil(milliseconds)} ms\tMemory Size: {self.spec.memory_mb} MB"
        report += f"\tMax Memory Used: {used} MB"
        if error is not None:
            timed_out = error == "Sandbox.Timedout"
            report += "\tStatus: timeout" if timed_out else f"\tStatus: error\tError Type: {error}"
        self.log.add(f"END RequestId: {request_id}".encode(), report.encode())


def _why_ended(status: int) -> str:
    """The end of a process in Lambda's words."""
    if not status:
        return "Runtime exited without providing a reason"
    how = f"signal: {signal.strsignal(-status)}".lower() if status < 0 else f"exit status {status}"
    return f"Runtime exited with error: {how}"


def _failure(kind: str, message: str, request_id: str | None = None) -> tuple[bytes, bytes]:
    message = f"RequestId: {request_id} Error: {message}" if request_id else message
    return runtime.FAILURE, json.dumps({"errorType": kind, "errorMessage": message}).encode()
