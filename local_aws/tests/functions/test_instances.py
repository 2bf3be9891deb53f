"""What an instance is to its handler, and what becomes of it."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from local_aws.functions import InvokeRefused
from local_aws.tests.patience import PATIENCE, until


def answer(pool, name, event=None):
    done = pool.invoke(name, json.dumps(event).encode())
    assert done.error is None, done.payload
    return json.loads(done.payload)


def error(pool, name, event=None):
    done = pool.invoke(name, json.dumps(event).encode())
    fields = json.loads(done.payload)
    assert done.error == fields["errorType"]
    return fields


def kill(pid):
    process = psutil.Process(pid)
    process.kill()
    process.wait(PATIENCE)


def test_a_handler_gets_the_event_and_lambdas_context(pool):
    done = pool.invoke("echo", '{"text": "ünïcode"}'.encode())
    fields = json.loads(done.payload)
    assert fields["event"] == {"text": "ünïcode"}
    assert fields["context"] == {
        "function_name": "echo",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:echo",
        "memory_limit_in_mb": "256",
        "aws_request_id": done.request_id,
        "log_group_name": "/aws/lambda/echo",
    }
    assert 0 < fields["remaining"] <= 1000 * PATIENCE


def test_an_instance_has_the_variables_of_lambda_and_its_own_but_not_ours(pool, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    mine, other = answer(pool, "echo"), answer(pool, "plain")
    assert (mine["greeting"], other["greeting"]) == ("bonjour", "hello")
    assert (
        mine["environment"].items()
        >= {
            "AWS_LAMBDA_FUNCTION_NAME": "echo",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "_HANDLER": "local_aws.tests.functions.handlers.echo",
            "HYBRID_OCR_WORK_BUCKET": "work",
        }.items()
    )
    allowed = (
        "AWS_",
        "PYTHON",
        "HYBRID_OCR_",
        "POWERTOOLS_",
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "TZ",
        "_HANDLER",
    )
    assert not [name for name in other["environment"] if not name.startswith(allowed)]
    assert "HYBRID_OCR_WORK_BUCKET" not in other["environment"]


def test_an_instance_is_warm_for_the_next_call_and_serves_one_at_a_time(pool, tmp_path):
    first, second = answer(pool, "plain"), answer(pool, "plain")
    assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)
    together = {"seconds": 0, "mark": str(tmp_path / "begun"), "lines": 3}
    with ThreadPoolExecutor(3) as threads:
        pids = list(threads.map(lambda _: answer(pool, "several", together), range(3)))
    assert len(set(pids)) == 3


def test_a_call_above_the_concurrency_is_refused_after_a_while(pool, tmp_path):
    mark, gate = tmp_path / "begun", tmp_path / "gate"
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(answer, pool, "one", {"seconds": 0, "mark": str(mark), "gate": str(gate)})
        until(mark.exists)
        with pytest.raises(InvokeRefused) as refused:
            pool.invoke("one", b'{"seconds": 0}')
        assert (refused.value.code, refused.value.status) == ("TooManyRequestsException", 429)
        gate.touch()
        assert busy.result() == answer(pool, "one", {"seconds": 0})


def test_an_exception_is_told_by_its_class(pool, log_of):
    fields = error(pool, "fail", {"why": "throttled"})
    assert (fields["errorType"], fields["errorMessage"]) == ("TransientError", "throttled")
    assert "in fail" in fields["stackTrace"][0]
    assert f"{fields['requestId']} [ERROR] TransientError: throttled" in log_of("fail")


def test_a_call_that_takes_too_long_is_killed(pool):
    fields = error(pool, "hasty", {"seconds": 30})
    assert fields["errorType"] == "Sandbox.Timedout"
    assert fields["errorMessage"].endswith(" Error: Task timed out after 0.30 seconds")
    assert pool.pids["hasty"] == []
    until(lambda: pool.invoke("hasty", b'{"seconds": 0}').error is None)  # a busy machine may need several


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"signal": signal.SIGKILL}, "Runtime exited with error: signal: killed"),
        ({"signal": signal.SIGSEGV}, "Runtime exited with error: signal: segmentation fault"),
        ({"exit": 3}, "Runtime exited with error: exit status 3"),
        ({"system_exit": 4}, "Runtime exited with error: exit status 4"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
    ],
)
def test_an_instance_that_dies_answers_an_error(pool, event, why):
    fields = error(pool, "leave", event)
    assert fields["errorType"] == "Runtime.ExitError"
    assert fields["errorMessage"].endswith(f" Error: {why}")


def test_an_instance_that_outgrows_its_memory_is_killed(pool):
    fields = error(pool, "small", {"mb": 400})
    assert fields["errorType"] == "Runtime.OutOfMemory"
    assert fields["errorMessage"].endswith("signal: killed")


def test_a_warm_instance_that_died_meanwhile_is_replaced(pool):
    pid = answer(pool, "plain")["pid"]
    kill(pid)
    assert answer(pool, "plain")["pid"] != pid


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        (
            "absent",
            "Runtime.ImportModuleError",
            "Unable to import module 'local_aws.tests.functions.nowhere'",
        ),
        ("unnamed", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module"),
        ("odd", "Runtime.MarshalError", "not JSON serializable"),
    ],
)
def test_a_handler_that_cannot_be_used_says_why(pool, name, kind, message):
    for _ in range(2):
        fields = error(pool, name)
        assert fields["errorType"] == kind
        assert message in fields["errorMessage"]


def test_an_answer_may_have_six_megabytes(pool):
    most = 6 * 2**20 + 100
    assert len(answer(pool, "big", {"bytes": most - 2})) == most - 2
    assert error(pool, "big", {"bytes": most - 1})["errorType"] == "Function.ResponseSizeTooLarge"


def test_the_log_has_each_line_under_its_request(pool, log_of):
    line = "Seite 1\u2028of \U0001f4c4"
    done = pool.invoke("speak", json.dumps({"line": line}).encode())
    lines = [text for text in log_of("speak").split("\n") if text.startswith(done.request_id)]
    fields = [text.removeprefix(f"{done.request_id} ") for text in lines]
    assert fields[0].startswith("START RequestId")
    assert fields[1:3] == [line, "aside"]
    assert fields[3].startswith("END RequestId")
    assert fields[4].startswith("REPORT RequestId")
    assert done.log_tail.decode() == "\n".join([*fields, ""])


def test_an_instance_may_close_its_output(pool):
    assert answer(pool, "mute", {"seconds": 0.2}) == "done"


def test_temporary_files_go_with_the_instance(pool):
    folder = Path(answer(pool, "plain")["environment"]["TMPDIR"])
    assert folder.is_dir()
    kill(pool.pids["plain"][0])
    assert Path(answer(pool, "plain")["environment"]["TMPDIR"]) != folder
    assert not folder.exists()
