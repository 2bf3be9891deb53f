"""A real browser for tests: Debian's chromium without a window, driven by its own debugging protocol.

Messages are JSON, ended by NUL, on two pipes (chromium --remote-debugging-pipe): no port, no driver, no
package. What a test evaluates is exempt from the page's Content-Security-Policy; what the page does is not.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_KEYS: Final = {"ArrowDown": 40, "ArrowUp": 38, "Tab": 9, "Enter": 13}
_ALT: Final = 1


class Browser:
    """One page in a browser of its own; evaluations are answered in order, so nothing waits for time."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self.downloads = profile / "downloads"
        self._last = 0
        self._rest = b""
        self._events: deque[dict[str, Any]] = deque()
        self._session: str | None = None

    def __enter__(self) -> Self:
        to_browser, self._out = _pipe()
        self._in, from_browser = _pipe()

        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
        # The shell gives the pipes the numbers that chromium reads from and writes to.
        renumbered = [
            "bash",
            "-c",
            'exec 3<&"$0" 4>&"$1"; shift; exec "$@"',
            str(to_browser),
            str(from_browser),
        ]
        self._process = subprocess.Popen(
            [*renumbered, str(CHROMIUM), *flags, f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._last:
            self._events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def event(self, name: str) -> dict[str, Any]:
        """The next event of a name, be it from before an answer; those before it are dropped."""
        while True:
            message = self._events.popleft() if self._events else self._receive()
            if message.get("method") == name:
                return dict(message["params"])

    def open(self, page: Path, width: int = 1400, height: int = 1000, *, dark: bool = False) -> None:
        """Load a local file and wait until all of it has run."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.event("Page.loadEventFired")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it comes to."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, *, alt: bool = False) -> None:
        """A key as the user presses it."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=_KEYS[key],
                modifiers=_ALT if alt else 0,
            )

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._in, 1 << 16)
            if not data:
                raise RuntimeError("the browser has ended")
            self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))


def _pipe() -> tuple[int, int]:
    """A pipe whose ends have numbers above those that the child uses."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
