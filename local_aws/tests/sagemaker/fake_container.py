"""A model container of a few lines that does what the body of a request says, as JSON:

{"status": 500, "text": "...", "seconds": 0.1, "chunked": true, "die": true, "echo": true, "sick": true,
"hang_up": true, "show": ["names of variables"], "once": "a file that is not there the first time",
"gate": "a file that it waits for"}
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    healthy = True

    def do_GET(self) -> None:
        self.answer(200 if Handler.healthy else 500, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order: dict[str, Any] = json.loads(body) if body.startswith(b"{") else {}
        time.sleep(order.get("seconds", 0))
        while "gate" in order and not Path(order["gate"]).exists():
            time.sleep(0.005)
        once = order.get("once")  # a file: the order holds only the first time
        if once and Path(once).exists():
            order = {}
        elif once:
            Path(once).touch()
        if order.get("sick"):
            Handler.healthy = False
        if order.get("hang_up"):
            self.close_connection = True
        if order.get("die"):
            os._exit(9)
        told = json.dumps(dict(self.headers.items())).encode() if order.get("echo") else body
        text = order["text"].encode() if "text" in order else told
        if "show" in order:
            text = "\n".join(os.environ[name] for name in order["show"]).encode()
        if order.get("chunked"):
            self.chunked()
        else:
            self.answer(order.get("status", 200), text)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=fake")
        self.end_headers()
        self.wfile.write(body)

    def chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"2\r\n{}\r\n0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    if os.environ.get("FAKE_FAILS"):
        print(json.dumps({"level": "ERROR", "message": "the device is gone"}), flush=True)
        sys.exit(1)
    loaded = os.environ.get("FAKE_LOADS_UNTIL")  # this file is there
    while loaded and not Path(loaded).exists():
        time.sleep(0.01)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(json.dumps({"message": "ready"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
