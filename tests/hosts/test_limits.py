"""Bounds and life of a server: full queues, large bodies, deadlines, callers that leave, draining, faults."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.messages import FailedPage, PageRegions, RegionBatch
from local_aws.containers import Container
from tests.hosts.conftest import Server, Start, batch, container, error_of
from tests.patience import PATIENCE, until


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def busy(server: Server) -> Callable[[], bool]:
    """Whether a run is under way and nothing waits before it."""
    return lambda: (
        server.metric("hybrid_ocr_bytes_in_flight") > 0 and server.metric("hybrid_ocr_queue_pages") == 0
    )


def test_concurrent_requests_share_a_run(start: Start, callers: ThreadPoolExecutor, gate: Path) -> None:
    server = start()
    first = callers.submit(server.answer, f"hold {gate}")
    until(busy(server))
    others = [callers.submit(server.answer, "good") for _ in range(7)]
    until(lambda: server.metric("hybrid_ocr_queue_pages") == 7)
    gate.touch()
    answers = [call.result() for call in (first, *others)]
    sizes = {
        page.regions[0].id.partition(".of")[2]
        for a in answers
        for page in a.pages
        if isinstance(page, PageRegions)
    }
    assert sizes == {"1", "7"}


def test_a_poison_page_of_another_caller_does_no_harm(start: Start, callers: ThreadPoolExecutor) -> None:
    server = start({"run_seconds": "0.05"})
    orders = ["good", "poison", "good", "good", "poison", "good"]
    answers = list(callers.map(server.answer, orders))
    failed = [isinstance(answer.pages[0], FailedPage) for answer in answers]
    assert failed == [order == "poison" for order in orders]


def test_a_full_queue_refuses_and_serves_the_rest(
    start: Start, callers: ThreadPoolExecutor, gate: Path
) -> None:
    server = start(max_queue_pages=3, max_batch_pages=1)
    first = callers.submit(server.send, f"hold {gate}")
    until(busy(server))
    waiting = callers.submit(server.send, "good", "good", "good")
    until(lambda: server.metric("hybrid_ocr_queue_pages") == 3)
    refused = server.send("good")
    assert (refused.status_code, error_of(refused)) == (503, "OVERLOADED")
    assert int(refused.headers["retry-after"]) >= 1
    gate.touch()
    assert first.result().status_code == waiting.result().status_code == 200
    assert server.send("good").status_code == 200


def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits(start: Start) -> None:
    server = start(max_queue_pages=2, max_batch_pages=2)
    assert len(server.answer(*["good"] * 9).pages) == 9


def test_large_bodies_are_refused(start: Start, callers: ThreadPoolExecutor, gate: Path) -> None:
    server = start(max_body_bytes=5000, max_bytes_in_flight=8000)
    declared = server.http.post("/invocations", content=b"x" * 5001, headers={"content-type": MSGPACK})
    assert (declared.status_code, error_of(declared)) == (413, "BODY_TOO_LARGE")
    chunked = server.http.post(
        "/invocations", content=(b"x" * 100 for _ in range(51)), headers={"content-type": MSGPACK}
    )
    assert (chunked.status_code, error_of(chunked)) == (413, "BODY_TOO_LARGE")
    first = callers.submit(server.send, f"hold {gate} " + "x" * 4500)
    until(busy(server))
    refused = server.send("x" * 4500)
    assert (refused.status_code, error_of(refused)) == (503, "OVERLOADED")
    gate.touch()
    assert first.result().status_code == 200
    assert server.metric("hybrid_ocr_bytes_in_flight") == 0


def test_a_chunked_body_within_the_limit_is_read(server: Server) -> None:
    body = encode(batch("good"))
    pieces = (body[i : i + 10] for i in range(0, len(body), 10))
    response = server.http.post("/invocations", content=pieces, headers={"content-type": MSGPACK})
    assert len(decode(RegionBatch, response.content).pages) == 1


def test_a_request_past_its_deadline_is_told_so(start: Start, gate: Path) -> None:
    server = start(request_seconds=0.3)
    late = server.send(f"hold {gate}")
    assert (late.status_code, error_of(late)) == (504, "STAGE_TIMEOUT")
    # A run that outlasts every request may never end: unhealthy as long as it lasts.
    until(lambda: server.http.get("/ping").status_code == 504)
    gate.touch()
    until(lambda: server.http.get("/ping").status_code == 200)
    until(lambda: server.send("good").status_code == 200)  # 0.3 s may be too few for a busy machine


def test_pages_of_a_caller_that_left_are_dropped(
    start: Start, callers: ThreadPoolExecutor, gate: Path
) -> None:
    server = start(max_batch_pages=1)
    first = callers.submit(server.send, f"hold {gate}")
    until(busy(server))
    body = encode(batch("good", "good"))
    head = (
        f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {MSGPACK}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((server.http.base_url.host, server.http.base_url.port or 0)) as caller:
        caller.sendall(head.encode() + body)
        until(lambda: server.metric("hybrid_ocr_queue_pages") == 2)
    until(lambda: server.metric("hybrid_ocr_queue_pages") == 0)
    gate.touch()
    assert first.result().status_code == 200
    assert server.metric("hybrid_ocr_batch_pages_sum") == 1


def test_a_body_that_stops_half_way_is_given_up(start: Start) -> None:
    server = start()
    head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
    with socket.create_connection((server.http.base_url.host, server.http.base_url.port or 0)) as caller:
        caller.sendall(head.encode() + b"x" * 100)
        until(lambda: server.metric("hybrid_ocr_bytes_in_flight") == 5000)
    until(lambda: server.metric("hybrid_ocr_bytes_in_flight") == 0)
    until(lambda: any(line.get("code") == "CLIENT_GONE" for line in server.log_lines()))
    assert server.send("good").status_code == 200


def test_ping_is_answered_while_the_stage_runs(start: Start, callers: ThreadPoolExecutor, gate: Path) -> None:
    server = start()
    slow = callers.submit(server.send, f"hold {gate}")
    until(busy(server))
    assert server.http.get("/ping").status_code == 200
    assert not slow.done()
    gate.touch()
    assert slow.result().status_code == 200


def test_a_fatal_engine_error_makes_the_container_unhealthy(
    start: Start, callers: ThreadPoolExecutor, gate: Path
) -> None:
    server = start(max_batch_pages=1)
    first = callers.submit(server.send, f"fatal {gate}")
    until(busy(server))
    queued = callers.submit(server.send, "good")
    until(lambda: server.metric("hybrid_ocr_queue_pages") == 1)
    gate.touch()
    for response in (first.result(), queued.result(), server.send("good"), server.http.get("/ping")):
        assert (response.status_code, error_of(response)) == (500, "ENGINE_FAILED")


def test_sigterm_finishes_what_was_taken_and_refuses_more(
    start: Start, callers: ThreadPoolExecutor, gate: Path
) -> None:
    server = start(max_batch_pages=1)
    taken = [callers.submit(server.send, f"hold {gate}")]
    until(busy(server))
    taken.append(callers.submit(server.send, "good"))
    until(lambda: server.metric("hybrid_ocr_queue_pages") == 1)
    process = psutil.Process(server.pid)
    process.send_signal(signal.SIGTERM)
    until(lambda: server.http.get("/ping").status_code == 503)
    refused = server.send("good")
    assert (refused.status_code, error_of(refused)) == (503, "NOT_READY")
    gate.touch()
    assert [call.result().status_code for call in taken] == [200, 200]
    assert process.wait(PATIENCE) == 0


def test_a_drain_ends_within_its_grace(start: Start, callers: ThreadPoolExecutor, gate: Path) -> None:
    server = start(drain_seconds=0.2)
    endless = callers.submit(server.send, f"hold {gate}")
    until(busy(server))
    process = psutil.Process(server.pid)
    process.send_signal(signal.SIGTERM)
    told = endless.result()
    assert (told.status_code, error_of(told)) == (503, "NOT_READY")
    assert process.wait(PATIENCE) == 0


def variables_of(made: Container) -> dict[str, str]:
    """What a process of it is started with; it listens on a port of its own choice."""
    return {**os.environ, "HYBRID_OCR_PORT": "0", **made.environment}


def test_while_it_loads_it_answers_that_it_is_not_ready(tmp_path: Path, gate: Path) -> None:
    made = container({}, {"load_until": str(gate)})
    slow = {name: value for name, value in variables_of(made).items() if name != "HYBRID_OCR_HOST"}
    log = tmp_path / "log"
    with (
        log.open("wb") as sink,
        subprocess.Popen(made.command, env=slow, stdin=subprocess.PIPE, stderr=sink) as process,
    ):
        until(lambda: '"port"' in log.read_text())
        assert '"host": "127.0.0.1"' in log.read_text(), "unless told otherwise it answers this machine alone"
        port = log.read_text().partition('"port": ')[2].partition(",")[0]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as http:
            for response in (http.get("/ping"), http.post("/invocations", content=b"")):
                assert (response.status_code, error_of(response)) == (503, "NOT_READY")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"HYBRID_OCR_MAX_BATCH_PAGES": "none"}, 2, "HYBRID_OCR_MAX_BATCH_PAGES"),
        ({"SAGEMAKER_BIND_TO_PORT": "99999", "HYBRID_OCR_PORT": ""}, 2, "HYBRID_OCR_PORT"),
        ({"HYBRID_OCR_MAX_BODY_BYTES": "2000000000"}, 2, "max_bytes_in_flight"),
        ({"HYBRID_OCR_OPTIONS": "not json"}, 2, "options"),
        ({"HYBRID_OCR_HOST": "192.0.2.1"}, 2, "cannot listen on 192.0.2.1"),
        ({"HYBRID_OCR_OPTIONS": '{"artifact": "bad"}'}, 1, "ARTIFACT_INVALID"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(variables: dict[str, str], status: int, words: str) -> None:
    made = container({}, {})
    fixed = {"HYBRID_OCR_EXIT_WITH_STDIN": "false"}
    ended = subprocess.run(
        made.command,
        env={**variables_of(made), **fixed, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == status
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert all(line.startswith("{") for line in ended.stderr.splitlines())


def test_an_argument_that_is_not_serve_is_refused() -> None:
    made = container({}, {})
    told = subprocess.run(
        [*made.command[:-1], "train"],
        env=variables_of(made),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert told.returncode == 2
    assert "serve" in told.stderr
