"""One instance of a function: a process that serves one invocation at a time and stays for the next."""

from __future__ import annotations

import json
import os
import select
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from local_aws.functions import runtime
from local_aws.functions.forking import Fork
from local_aws.functions.logs import LogStream
from local_aws.functions.model import MOST_ANSWER_BYTES, FunctionSpec, Invocation

INIT_SECONDS: Final = 10.0
"""Lambda's own limit of the first try to load a handler; the second has the function's timeout on top."""

_LOOK_SECONDS: Final = 0.1
"""How often the memory of an instance at work is looked at."""

_END_SECONDS: Final = 1.0
"""How long an instance that hung up may take to end."""

_CHUNK: Final = 2**16
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class _Ended(Exception):  # noqa: N818
    """The process is gone."""


class _TimedOut(Exception):  # noqa: N818
    """The time is up."""


class Instance:
    """A running instance.

    Args:
        spec: of its function.
        fork: its process.
        log: what it prints.
        folder: its TMPDIR, removed with it.
        name: of its log stream.
    """

    def __init__(self, spec: FunctionSpec, fork: Fork, log: LogStream, folder: Path, name: str) -> None:
        self.spec, self._fork, self._log, self._folder = spec, fork, log, folder
        self.name = name
        self._ready = False
        self._poll = select.poll()
        for descriptor in (fork.link.fileno(), fork.log, fork.pidfd):
            self._poll.register(descriptor, select.POLLIN)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._fork.pid

    @property
    def is_usable(self) -> bool:
        """Whether it can serve another invocation."""
        return self._ready and not self._fork.has_ended()

    def invoke(self, event: bytes, context: dict[str, object]) -> Invocation:
        """Hand it an event and wait for the answer; after a failure of the process it is not usable."""
        request_id = str(context["aws_request_id"])
        began = time.monotonic()
        self._log.begin(request_id)
        self._log.tell(f"START RequestId: {request_id} Version: $LATEST".encode())
        kind, payload = self._attempt(event, context)
        self._read_log()
        self._log.flush()
        error = str(json.loads(payload)["errorType"]) if kind == runtime.FAILURE else None
        report = f"REPORT RequestId: {request_id}\tDuration: {1000 * (time.monotonic() - began):.2f} ms"
        report += f"\tMemory Size: {self.spec.memory_mb} MB" + (f"\tError: {error}" if error else "")
        self._log.tell(f"END RequestId: {request_id}".encode(), report.encode())
        return Invocation(payload, error, request_id, self._log.tail)

    def load(self) -> None:
        """Load its handler before the first call; after a failure it is not usable."""
        with suppress(_Ended, _TimedOut):
            self._load()
        self._read_log()

    def _load(self) -> bytes | None:
        """Wait until the handler is loaded, the first time; the failure where it cannot be."""
        if self._ready:
            return None
        frame = self._frame(time.monotonic() + INIT_SECONDS + self.spec.timeout_seconds)
        self._ready = frame == runtime.READY
        return None if self._ready else frame

    def _attempt(self, event: bytes, context: dict[str, object]) -> tuple[bytes, bytes]:
        """The kind of the answer and its JSON, whatever becomes of the process."""
        limit, request_id = self.spec.timeout_seconds, str(context["aws_request_id"])
        try:
            frame = self._load() or self._call(event, context)
        except _TimedOut:
            self.kill()
            return _failure("Sandbox.Timedout", request_id, f"Task timed out after {limit:.2f} seconds")
        except _Ended:
            return _failure("Runtime.ExitError", request_id, self._why_ended())
        if len(frame) - 1 > MOST_ANSWER_BYTES:
            message = (
                f"Response payload size exceeded maximum allowed payload size ({MOST_ANSWER_BYTES} bytes)."
            )
            told = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
            return runtime.FAILURE, json.dumps(told).encode()
        return frame[:1], frame[1:]

    def kill(self) -> None:
        """End its process, whatever it does."""
        self._ready = False
        self._fork.kill()

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        self._fork.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, event: bytes, context: dict[str, object]) -> bytes:
        limit = self.spec.timeout_seconds
        deadline = time.monotonic() + limit
        try:
            self._fork.link.send_bytes(json.dumps({**context, "deadline": time.time() + limit}).encode())
            self._fork.link.send_bytes(event)
        except OSError:
            raise _Ended from None
        return self._frame(deadline)

    def _frame(self, deadline: float) -> bytes:
        """The next frame of the instance, reading its log meanwhile."""
        while (left := deadline - time.monotonic()) > 0:
            ready = {fd for fd, _ in self._poll.poll(1000 * min(left, _LOOK_SECONDS))}
            if self._fork.log in ready:
                self._read_log()
            if self._fork.link.fileno() in ready:
                try:
                    return self._fork.link.recv_bytes()
                except (EOFError, OSError):
                    raise _Ended from None
            if self._fork.pidfd in ready:
                raise _Ended
            if self._private_bytes() > self.spec.memory_mb << 20:
                self.kill()
        raise _TimedOut

    def _read_log(self) -> None:
        """What it has printed so far."""
        with suppress(BlockingIOError, KeyError):
            while data := os.read(self._fork.log, _CHUNK):
                self._log.feed(data)
            self._poll.unregister(self._fork.log)  # nobody can write there any more

    def _private_bytes(self) -> int:
        """Memory that is not of files; what is still shared with the fork server counts too."""
        try:
            _, resident, shared, *_ = Path(f"/proc/{self.pid}/statm").read_text().split()
        except (OSError, ValueError):
            return 0
        return (int(resident) - int(shared)) * _PAGE

    def _why_ended(self) -> str:
        """The end of the process in Lambda's words."""
        if not self._fork.has_ended(within_seconds=_END_SECONDS):
            self.kill()  # it hung up and lives on
        status = self._fork.reap()
        if not status:
            return "Runtime exited without providing a reason"
        how = f"signal: {_SIGNALS.get(-status, -status)}" if status < 0 else f"exit status {status}"
        return f"Runtime exited with error: {how}"


_SIGNALS: Final = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


def _failure(kind: str, request_id: str, message: str) -> tuple[bytes, bytes]:
    told = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return runtime.FAILURE, json.dumps(told).encode()
