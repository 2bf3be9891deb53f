"""Frames between the opener and its decoding process: a JSON header, then raw bytes.

JSON, because the decoding process is not trusted once it has seen a document: unpickling would run
what it sends. Pixels follow the header as plain bytes, straight from one array into another.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")
_LONGEST_HEADER: Final = 1 << 16

Header = dict[str, Any]


class ChannelClosed(Exception):  # noqa: N818 - an event, not a fault
    """The other side is gone."""


class Deadline:
    """A moment after which waiting is over."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, or None where waiting has no end. Raises TimeoutError when the moment has passed."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


FOREVER: Final = Deadline(None)


def send(channel: socket.socket, header: Header, *, fd: int | None = None) -> None:
    """Send a header, and with it an open file if `fd` is given.

    Raises:
        ChannelClosed: the other side is gone.
    """
    body = json.dumps(header).encode()
    try:
        socket.send_fds(channel, [_LENGTH.pack(len(body))], [] if fd is None else [fd])
        channel.sendall(body)
    except ConnectionError:
        raise ChannelClosed from None


def send_bytes(channel: socket.socket, payload: memoryview) -> None:
    """Send bytes whose number the header gave. Raises as `send` does."""
    try:
        channel.sendall(payload)
    except ConnectionError:
        raise ChannelClosed from None


def receive(channel: socket.socket, deadline: Deadline = FOREVER) -> tuple[Header, int | None]:
    """The next header, and the open file that came with it.

    Raises:
        ChannelClosed: the other side is gone, or speaks something else.
        TimeoutError: the deadline has passed.
    """
    channel.settimeout(deadline.remaining())
    try:
        first, fds, _, _ = socket.recv_fds(channel, _LENGTH.size, 1)
    except ConnectionError:
        raise ChannelClosed from None
    prefix = bytearray(_LENGTH.size)
    prefix[: len(first)] = first
    if not first:
        raise ChannelClosed
    receive_into(channel, memoryview(prefix)[len(first) :], deadline)
    length: int = _LENGTH.unpack(prefix)[0]
    if length > _LONGEST_HEADER:
        raise ChannelClosed
    body = bytearray(length)
    receive_into(channel, memoryview(body), deadline)
    try:
        header = json.loads(body)
    except ValueError:
        raise ChannelClosed from None
    if not isinstance(header, dict):
        raise ChannelClosed
    return header, fds[0] if fds else None


def receive_into(channel: socket.socket, buffer: memoryview, deadline: Deadline = FOREVER) -> None:
    """Fill the whole buffer. Raises as `receive` does."""
    while buffer:
        channel.settimeout(deadline.remaining())
        try:
            count = channel.recv_into(buffer)
        except ConnectionError:
            raise ChannelClosed from None
        if not count:
            raise ChannelClosed
        buffer = buffer[count:]
