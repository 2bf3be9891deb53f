"""The process of a model container: settings, socket, loading, serving, draining.

Exit status: 0 after a drain, 1 where the stage could not be loaded, 2 where a setting cannot work.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from time import perf_counter
from types import FrameType
from typing import Any, Final

import uvicorn

from hybrid_ocr import telemetry
from hybrid_ocr.contracts.errors import ConfigurationError, OcrError
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.hosts.container.app import ContainerHost
from hybrid_ocr.hosts.container.binding import Binding
from hybrid_ocr.settings import ContainerSettings, load_settings
from hybrid_ocr.telemetry import fields

_BACKLOG: Final = 1024
_KEEP_ALIVE_SECONDS: Final = 75  # longer than the proxy before it keeps a connection, so that it never races

log = logging.getLogger(__name__)


def main(binding: Binding[Any, Any], arguments: Sequence[str] | None = None) -> None:
    """Serve a stage until SIGTERM; `serve` is the argument with which SageMaker starts a container.

    Never returns. Leaves by os._exit, because an engine's native threads may still be running and would crash
    an orderly shutdown of the interpreter.
    """
    telemetry.configure(stage=binding.name)
    status = 2
    try:
        if (arguments := list(sys.argv[1:] if arguments is None else arguments)) not in ([], ["serve"]):
            raise ConfigurationError(f"the only argument is `serve`, not {' '.join(arguments)[:100]!r}")
        settings = load_settings(ContainerSettings)
        logging.getLogger().setLevel(settings.log_level)
        # OpenCV reads this when a stage imports it; unasked it starts a thread for each core of the machine.
        os.environ.setdefault("OPENCV_FOR_THREADS_NUM", str(settings.threads or granted_threads()))
        listener = _listen(settings)
        if settings.exit_with_stdin:
            threading.Thread(target=_exit_with_stdin, daemon=True).start()
        status = asyncio.run(_serve(binding, settings, listener))
    except ConfigurationError as error:
        log.error(error.message, extra=fields(code=error.code.value))
    except Exception:
        log.critical("the server failed", exc_info=True)
        status = 1
    logging.shutdown()
    os._exit(status)


def _listen(settings: ContainerSettings) -> socket.socket:
    """The listening socket, before any model is loaded: from now on the kernel accepts connections."""
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"cannot listen on {settings.host}:{settings.port}: {reason}") from None
    # Accepted sockets inherit this. asyncio sets it only on sockets made with an explicit protocol number;
    # without it the body of an answer waits 40 ms for the caller's delayed acknowledgement of the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    log.info("listening", extra=fields(host=settings.host, port=listener.getsockname()[1], pid=os.getpid()))
    return listener


def _context(settings: ContainerSettings) -> StageContext:
    return StageContext(
        model_dir=settings.model_dir,
        engine=settings.engine,
        threads=settings.threads or granted_threads(),
        precision=settings.precision,
        cache_dir=settings.cache_dir,
        options=settings.options,
    )


class _Server(uvicorn.Server):
    """Uvicorn that leaves SIGTERM and SIGINT to us: it keeps answering while the host drains."""

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop, self._loop = stop, asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


async def _serve(binding: Binding[Any, Any], settings: ContainerSettings, listener: socket.socket) -> int:
    host = ContainerHost(binding, settings)
    stop = asyncio.Event()
    config = uvicorn.Config(
        host.app,
        http="httptools",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, stop)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    loading = asyncio.create_task(host.load(_context(settings)))
    working = asyncio.create_task(host.work())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    status = _load_status(loading)
    if status == 0:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await _drain(host, settings.drain_seconds)
    working.cancel()
    server.should_exit = True
    await serving
    return status


def _load_status(loading: asyncio.Task[None]) -> int:
    """0 where loading went well or was cut short by a stop; else the exit status, its reason in the log."""
    error = loading.exception() if loading.done() else None
    if error is None:
        return 0
    if isinstance(error, OcrError):
        log.error(error.message, extra=fields(code=error.code.value))
        return 2 if isinstance(error, ConfigurationError) else 1
    log.critical("loading the stage failed", exc_info=error)
    return 1


async def _drain(host: ContainerHost[Any, Any], seconds: float) -> None:
    """Take no new work and wait for what is in flight, but not longer than the grace."""
    host.drain()
    started = perf_counter()
    log.info("draining", extra=fields(in_flight=host.in_flight))
    while host.in_flight and perf_counter() - started < seconds:
        await asyncio.sleep(0.02)
    extra = fields(in_flight=host.in_flight, seconds=round(perf_counter() - started, 2))
    log.info("gave up draining" if host.in_flight else "drained", extra=extra)
    host.abandon()


def _exit_with_stdin() -> None:
    """End this process when the other end of its standard input is gone."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
