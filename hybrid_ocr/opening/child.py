"""The decoding process as its opener sees it: started, asked, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.opening import channel
from hybrid_ocr.opening.channel import ChannelClosed, Deadline
from hybrid_ocr.opening.limits import LONGEST_SIDE, OpeningLimits

_WORKER: Final = "hybrid_ocr.opening.worker"
_START_SECONDS: Final = 60.0
_USED_UP: Final = 0.5
"""Share of the memory limit that a process has touched at its peak when it died for want of more. The rest is
memory it reserved and never touched."""
_GAVE_UP: Final = frozenset({-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL})
"""How allocators end a process that gets no more memory; a fault in the decoder ends otherwise."""
_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""All the decoding process sees of our environment: a Lambda keeps its credentials there."""


@dataclass(frozen=True, eq=False)
class DecodedAnswer:
    """What came back: the header; a page's pixels and file bytes, both empty where none were asked for."""

    header: channel.Header
    pixels: NDArray[np.uint8]
    original: bytes


class Child:
    """One decoding process. Nothing it sends is believed beyond the limits."""

    def __init__(self, limits: OpeningLimits) -> None:
        self._limits = limits
        self._channel, theirs = socket.socketpair()
        paths = [str(Path(entry).resolve()) for entry in sys.path if entry]
        with theirs:
            self._process = subprocess.Popen(
                # -P keeps the working directory, which may be hostile, off the module path.
                [sys.executable, "-P", "-m", _WORKER, str(theirs.fileno()), limits.model_dump_json()],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    **{name: os.environ[name] for name in _INHERITED if name in os.environ},
                    "PYTHONPATH": os.pathsep.join(paths),
                    "OPENBLAS_NUM_THREADS": "1",  # each thread would reserve memory, and none is needed
                },
            )
        self._ready = False

    def send(self, request: channel.Header, fd: int) -> bool:
        """Ask. False where the process was already dead."""
        try:
            channel.send(self._channel, request, fd=fd)
        except ChannelClosed:
            return False
        return True

    def receive(self, seconds: float) -> DecodedAnswer:
        """The answer, within so many seconds after the process is ready.

        Raises:
            TimeoutError: it came too late.
            ChannelClosed: the process died, or speaks something else.
            OcrError: INTERNAL where it never started, which is no document's fault.
        """
        self._await_start()
        deadline = Deadline(seconds)
        header, fd = channel.receive(self._channel, deadline)
        if fd is not None:
            os.close(fd)
            raise ChannelClosed
        pixels = np.empty(self._shape(header.get("shape", [0, 0])), np.uint8)
        channel.receive_into(self._channel, pixels.reshape(-1).data, deadline)
        original = bytearray(self._length(header.get("original", 0)))
        channel.receive_into(self._channel, memoryview(original), deadline)
        return DecodedAnswer(header, pixels, bytes(original))

    def end(self) -> bool:
        """Kill the process and leave nothing of it behind.

        Returns:
            True where it had given up by itself with its memory used up: pdfium aborts when it gets no more.
        """
        self._channel.close()
        try:
            # Not Popen.kill: it may reap the process, and with it goes what it used.
            os.kill(self._process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(self._process.pid, 0)
        except (ChildProcessError, ProcessLookupError):  # our host reaps every child itself
            self._process.returncode = 0
            return False
        self._process.returncode = os.waitstatus_to_exitcode(status)
        used_up = usage.ru_maxrss >> 10 > _USED_UP * self._limits.memory_mib
        return used_up and self._process.returncode in _GAVE_UP

    def _await_start(self) -> None:
        if self._ready:
            return
        try:
            channel.receive(self._channel, Deadline(_START_SECONDS))
        except (ChannelClosed, TimeoutError):
            raise OcrError(f"the decoding process does not start; see python -m {_WORKER}") from None
        self._ready = True

    def _shape(self, shape: object) -> tuple[int, ...]:
        match shape:
            case [int(height), int(width)] | [int(height), int(width), 3]:
                fits = 0 <= height <= LONGEST_SIDE and 0 <= width <= LONGEST_SIDE
                if fits and height * width <= self._limits.page_pixels:
                    return (height, width) if len(shape) == 2 else (height, width, 3)
        raise ChannelClosed

    def _length(self, length: object) -> int:
        if isinstance(length, int) and 0 <= length <= self._limits.file_bytes:
            return length
        raise ChannelClosed
