"""The model container of the example: counts kind words, and serves as SageMaker asks of a container."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KIND_WORDS = frozenset(os.environ["KIND_WORDS"].split())


class Handler(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations."""

    def do_GET(self) -> None:
        """Say that it is healthy."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Count the kind words of a text."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind = sum(word.strip(".,!").lower() in KIND_WORDS for word in text.split())
        self._answer(json.dumps({"kind": kind}).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    ThreadingHTTPServer(("", port), Handler).serve_forever()
