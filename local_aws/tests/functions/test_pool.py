"""A pool as a whole: events, metrics, and an end that leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from local_aws.functions import FunctionPool, FunctionSpec, InvokeRefused
from local_aws.tests.patience import until

from .conftest import spec


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("succeeds_at", "calls"), [(1, 1), (3, 3), (9, 3)])
def test_an_event_that_fails_is_tried_twice_more(tmp_path, succeeds_at, calls):
    mark = tmp_path / "calls"
    with FunctionPool({"flaky": spec("flaky")}, tmp_path, retry_seconds=(0.0, 0.0)) as pool:
        pool.send("flaky", json.dumps({"mark": str(mark), "succeeds_at": succeeds_at}).encode())
        until(lambda: mark.exists() and mark.read_text() == str(calls))
        time.sleep(0.1)
    assert mark.read_text() == str(calls)


def test_metrics_that_a_function_prints_arrive_as_cloudwatch_takes_them(tmp_path):
    got = []
    with FunctionPool(
        {"f": spec("measure")}, tmp_path, on_metrics=lambda *fields: got.append(fields)
    ) as pool:
        assert pool.invoke("f", b"{}").error is None
    about = {
        "Dimensions": [{"Name": "service", "Value": "paginate"}],
        "Timestamp": datetime.fromtimestamp(1_700_000_000, UTC),
    }
    pages = {"MetricName": "pages", "Values": [3.0], "Unit": "Count", "StorageResolution": 60}
    seconds = {"MetricName": "seconds", "Values": [0.5, 0.25], "Unit": "Seconds", "StorageResolution": 1}
    assert [fields for fields in got if fields[0] == "HybridOCR"] == [
        ("HybridOCR", [about | pages, about | seconds])
    ]


def test_what_lambda_tells_of_invocations_itself_arrives_too(tmp_path):
    got = []
    with FunctionPool({"f": spec("fail")}, tmp_path, on_metrics=lambda *fields: got.append(fields)) as pool:
        assert pool.invoke("f", b"{}").error is not None
    [(namespace, data)] = got
    assert namespace == "AWS/Lambda"
    assert {datum["MetricName"] for datum in data} == {"Invocations", "Errors", "Duration"}
    assert next(datum["Value"] for datum in data if datum["MetricName"] == "Errors") == 1
    assert data[0]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]


def test_metrics_that_nobody_takes_stop_nothing(tmp_path):
    def broken(namespace, data):
        raise OSError("no such endpoint")

    with FunctionPool({"f": spec("measure")}, tmp_path, on_metrics=broken) as pool:
        assert [pool.invoke("f", b"{}").error for _ in range(3)] == [None] * 3


def test_a_function_talks_to_the_given_endpoint_whatever_the_users_profile_says(tmp_path, monkeypatch):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://elsewhere\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere")
    with FunctionPool({"f": spec("client")}, tmp_path, endpoint_url="http://127.0.0.1:1") as pool:
        fields = json.loads(pool.invoke("f", b"{}").payload)
    assert fields == ["http://127.0.0.1:1", "us-east-1", "local"]


def test_provisioned_instances_load_their_handler_before_any_call(tmp_path):
    functions = {"f": spec("sleep", concurrency=2, provisioned=2), "broken": spec("nothing", provisioned=1)}
    with FunctionPool(functions, tmp_path) as pool:
        log = tmp_path / "broken.log"
        until(lambda: log.exists() and "HandlerNotFound" in log.read_text())
        until(lambda: len(pool.pids["f"]) == 2)
        provisioned = set(pool.pids["f"])
        assert json.loads(pool.invoke("f", b'{"seconds": 0}').payload) in provisioned
        assert json.loads(pool.invoke("broken", b"{}").payload)["errorType"] == "Runtime.HandlerNotFound"


def test_the_end_of_a_pool_ends_calls_under_way_and_what_they_started(tmp_path):
    mark, answers = tmp_path / "mark", []
    pool = FunctionPool({"f": spec("family")}, tmp_path).__enter__()
    event = json.dumps({"mark": str(mark)}).encode()
    call = threading.Thread(target=lambda: answers.append(pool.invoke("f", event)))
    call.start()
    until(lambda: mark.exists() and " " in mark.read_text())
    pool.__exit__()
    call.join()
    assert answers[0].error == "Runtime.ExitError"
    until(lambda: not any(alive(int(pid)) for pid in mark.read_text().split()))
    with pytest.raises(InvokeRefused):
        pool.invoke("f", b"{}")


def test_a_call_that_times_out_takes_its_children_with_it(tmp_path):
    mark = tmp_path / "mark"
    with FunctionPool({"f": spec("family", timeout_seconds=1.0)}, tmp_path) as pool:

        def timed_out_when_it_had_a_child():  # on a busy machine it may be killed before
            mark.write_text("")
            assert pool.invoke("f", json.dumps({"mark": str(mark)}).encode()).error == "Sandbox.Timedout"
            return " " in mark.read_text()

        until(timed_out_when_it_had_a_child)
        until(lambda: not any(alive(int(pid)) for pid in mark.read_text().split()))


def test_a_pool_whose_fork_server_was_killed_refuses_calls_and_says_why(tmp_path):
    with FunctionPool({"f": spec("echo")}, tmp_path) as pool:
        pid = json.loads(pool.invoke("f", b"{}").payload)["pid"]
        server = psutil.Process(pid).parent()
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not alive(server.pid) and not alive(pid))
        with pytest.raises(InvokeRefused, match="fork server"):
            pool.invoke("f", b"{}")


def test_modules_are_found_in_the_folder_of_the_code_and_faults_in_them_are_named(tmp_path):
    (tmp_path / "local_functions.py").write_text("import os\ndef run(*_): return os.getcwd()")
    (tmp_path / "broken.py").write_text("def")
    (tmp_path / "attribute.py").write_text("object.absent")
    kinds = {
        "run": "Runtime.MalformedHandlerName",
        "broken.run": "Runtime.UserCodeSyntaxError",
        "attribute.run": "AttributeError",
        "local_functions.run": None,
    }
    functions = {name.replace(".", "-"): FunctionSpec(name, code=tmp_path) for name in kinds}
    with FunctionPool(functions, tmp_path) as pool:
        for _ in range(2):
            done = [pool.invoke(name, b"{}") for name in functions]
            assert [one.error for one in done] == list(kinds.values())
            assert json.loads(done[-1].payload) == str(tmp_path)


_PARENT = """
import socket, sys, time
from pathlib import Path
from local_aws.functions import FunctionPool
from local_aws.tests.functions.conftest import spec
print("main module ran", flush=True)
if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    pool = FunctionPool({"f": spec("family"), "g": spec("echo")}, Path(sys.argv[1])).__enter__()
    pool.invoke("g", b"{}")
    print(listener.getsockname()[1], pool.pids["g"][0], flush=True)
    pool.invoke("f", b'{"mark": "%s"}' % sys.argv[2].encode())
"""


def test_a_parent_that_is_killed_leaves_no_process_no_open_port_and_no_folder(tmp_path):
    script, mark = tmp_path / "parent.py", tmp_path / "mark"
    script.write_text(_PARENT)
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(mark)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "main module ran\n"
        port, idle = map(int, parent.stdout.readline().split())
        until(lambda: mark.exists() and " " in mark.read_text())
        busy, child = map(int, mark.read_text().split())
        server = psutil.Process(idle).ppid()
        parent.kill()
        until(lambda: not any(alive(pid) for pid in (idle, busy, child, server)))
        assert parent.stdout.read() == ""  # nothing ran the main module again
    assert not [c for c in psutil.net_connections("tcp4") if c.laddr.port == port and c.status == "LISTEN"]
    assert not list(tmp_path.glob("functions-*"))
