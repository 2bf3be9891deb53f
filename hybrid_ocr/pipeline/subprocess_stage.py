"""A stage in a process of its own, for an engine that needs another interpreter than this one.

Both sides speak batches of the contracts as msgpack, over a socket that only they have.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from hybrid_ocr.contracts.codec import decode, encode
from hybrid_ocr.contracts.errors import EngineError, ErrorInfo, OcrError
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, StageName
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.stages import load_stage


class SubprocessStage:
    """Runs a stage under another interpreter; is a `Stage` itself.

    Args:
        name: the stage; one that takes the answer of another.
        context: what it is loaded with.
        python: the interpreter, which has hybrid_ocr and the engine.
    """

    def __init__(self, name: StageName, context: StageContext, python: Path) -> None:
        request = STAGES[name].request
        if request is None:
            raise ValueError(f"{name} takes no batch")
        self._name, self._request, self._answer = name, request, STAGES[name].answer
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = [name, json.dumps(asdict(context), default=str), str(theirs.fileno())]
            self._process = subprocess.Popen(
                [str(python), "-m", __name__, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_descriptor() else subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._connection = Connection(ours.detach())
        self._model = self._hello()

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Not for this class: which stage it stands for is not in the context. Raises TypeError."""
        raise TypeError("a stage elsewhere is made by its constructor")

    @property
    def model(self) -> ModelIdentity | None:
        """The weights that answer."""
        return self._model

    def run(self, batch: Sequence[Any]) -> list[Any]:
        """See `Stage.run`. Raises EngineError where the other process has died."""
        self._send(encode(self._request.model_validate({"pages": tuple(batch)})))
        answer: Any = decode(self._answer, self._receive())
        return [page.error.as_error() if isinstance(page, FailedPage) else page for page in answer.pages]

    def close(self) -> None:
        """End the other process."""
        self._connection.close()
        self._process.wait()

    def _hello(self) -> ModelIdentity | None:
        greeting = json.loads(self._receive())
        if "error" in greeting:
            self.close()
            raise ErrorInfo.model_validate(greeting["error"]).as_error()
        return ModelIdentity.model_validate(greeting["model"]) if greeting["model"] else None

    def _send(self, body: bytes) -> None:
        try:
            self._connection.send_bytes(body)
        except OSError:
            raise self._died() from None

    def _receive(self) -> bytes:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            raise self._died() from None

    def _died(self) -> EngineError:
        return EngineError(f"the process of {self._name} ended with {self._process.wait()}")


def _has_descriptor() -> bool:
    """Whether standard error is a file that a process can inherit; under a test or notebook it may not be."""
    try:
        sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def serve(name: StageName, context: StageContext, connection: Connection) -> None:
    """The other side: load the stage, then answer batches until the connection ends."""
    try:
        stage = load_stage(name, context)
    except OcrError as error:
        connection.send_bytes(json.dumps({"error": ErrorInfo.of(error).model_dump()}).encode())
        return
    model = stage.model.model_dump() if stage.model else None
    connection.send_bytes(json.dumps({"model": model}).encode())
    request, answer = STAGES[name].request, STAGES[name].answer
    if request is None:
        raise ValueError(f"{name} takes no batch")
    while True:
        try:
            body = connection.recv_bytes()
        except EOFError:
            return
        batch: Any = decode(request, body)
        outcomes = stage.run(batch.pages)
        pages = [
            FailedPage(number=page.number, stage=name, error=ErrorInfo.of(outcome))
            if isinstance(outcome, OcrError)
            else outcome
            for page, outcome in zip(batch.pages, outcomes, strict=True)
        ]
        connection.send_bytes(encode(answer.model_validate({"pages": tuple(pages)})))


def _main(name: Any, context: str, descriptor: str) -> None:  # noqa: ANN401 - checked by the look-up in STAGES
    given = json.loads(context)
    folders = {key: Path(given[key]) if given[key] else None for key in ("model_dir", "cache_dir")}
    serve(name, StageContext(**(given | folders)), Connection(int(descriptor)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
