"""Jobs: what is submitted arrives as the flow expects it, and what comes of it is told truly."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.clients import AsyncClient
from hybrid_ocr.clients.inbox import safe_name
from hybrid_ocr.contracts.errors import (
    CapacityError,
    ConfigurationError,
    DocumentError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
    RequestError,
)
from hybrid_ocr.contracts.events import EVENT_SOURCE, TEST_SOURCE, DocumentSubmitted, ReadOptions, TestRun
from hybrid_ocr.contracts.jobs import LARGEST_DOCUMENT, Outcome
from hybrid_ocr.contracts.keys import check_key, split_uri
from lambdas.intake.events import read_event
from tests.clients.deployment import FAILS, RUNS_ON, Deployment, Worker
from tests.clients.results import a_job, a_result
from tests.patience import PATIENCE, until

PNG = b"\x89PNG\r\n\x1a\n and more"


class TestSubmit:
    def test_a_file_lies_in_the_inbox_and_an_event_names_it(
        self, local: Deployment, client: AsyncClient, tmp_path: Path
    ) -> None:
        file = tmp_path / "Rechnung Mai (2).png"
        file.write_bytes(PNG)
        job_id = client.submit(file, pages="1-5,8", script="latin")
        event, submitted = local.submitted()
        assert submitted.options == ReadOptions(pages="1-5,8", script="latin")
        assert event["source"] not in {EVENT_SOURCE, TEST_SOURCE}
        bucket, key = split_uri(submitted.source)
        assert bucket == local.names.bucket("inbox")
        assert key.startswith("submitted/")
        assert key.endswith("/Rechnung Mai (2).png"), "it is called as its owner calls it"
        assert local.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PNG
        assert local.job_of(submitted).job_id == job_id

    def test_intake_understands_the_event(self, local: Deployment, client: AsyncClient) -> None:
        client.submit(PNG)
        [body] = local.messages()
        submission = read_event(body, local.names.bucket("inbox"), "inbox/")
        assert submission.bucket == local.names.bucket("inbox")

    def test_what_lies_in_s3_is_submitted_where_it_lies(self, local: Deployment, client: AsyncClient) -> None:
        uri = f"s3://{local.names.bucket('inbox')}/archive/scan.png"
        bucket, key = split_uri(uri)
        local.s3.put_object(Bucket=bucket, Key=key, Body=PNG)
        first = client.submit(uri)
        assert client.submit(uri) == first, "the same version is the same job"
        assert client.submit(uri, pages="2") != first
        local.s3.put_object(Bucket=bucket, Key=key, Body=PNG)
        assert client.submit(uri) != first, "a new version is a new job"

    def test_each_upload_is_a_job_of_its_own(self, client: AsyncClient) -> None:
        assert client.submit(PNG) != client.submit(PNG)

    def test_a_bucket_without_versions_gives_the_id_that_intake_computes(
        self, local: Deployment, client: AsyncClient
    ) -> None:
        bucket = local.names.bucket("results")
        local.s3.put_object(Bucket=bucket, Key="scan.png", Body=PNG)
        job_id = client.submit(f"s3://{bucket}/scan.png")
        _, submitted = local.submitted()
        assert local.job_of(submitted).job_id == job_id

    def test_a_test_has_its_own_source_and_its_truth_is_kept(
        self, local: Deployment, client: AsyncClient, tmp_path: Path
    ) -> None:
        truth = tmp_path / "scan.truth.json"
        truth.write_bytes(b"{}")
        client.submit(PNG, test="nightly-1", truth=truth)
        event, submitted = local.submitted()
        assert event["source"] == TEST_SOURCE
        assert submitted.test
        assert submitted.test.id == "nightly-1"
        assert submitted.test.truth
        bucket, key = split_uri(submitted.test.truth)
        assert local.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"{}"

    @pytest.mark.parametrize(
        ("document", "options", "kind", "code"),
        [
            ("no-such-file.pdf", {}, DocumentError, ErrorCode.SOURCE_NOT_FOUND),
            (".", {}, DocumentError, ErrorCode.SOURCE_NOT_FOUND),
            ("/dev/zero", {}, DocumentError, ErrorCode.SOURCE_NOT_FOUND),
            (b"", {}, DocumentError, ErrorCode.EMPTY_FILE),
            pytest.param(
                bytes(LARGEST_DOCUMENT + 1), {}, DocumentError, ErrorCode.FILE_TOO_LARGE, id="too large"
            ),
            (PNG, {"pages": "all"}, RequestError, ErrorCode.INVALID_REQUEST),
            (PNG, {"script": "x" * 33}, RequestError, ErrorCode.INVALID_REQUEST),
            (PNG, {"test": ""}, RequestError, ErrorCode.INVALID_REQUEST),
            (PNG, {"truth": "truth.json"}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket", {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket/../key", {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket/a%2e%2e/key", {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket/a\r\nkey", {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket/\u202egnp.scan", {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://bucket/" + "k" * 1024, {}, RequestError, ErrorCode.INVALID_REQUEST),
            ("s3://no-such-bucket-here/key", {}, DocumentError, ErrorCode.SOURCE_NOT_FOUND),
            ("https://bucket/key", {}, DocumentError, ErrorCode.SOURCE_NOT_FOUND),
        ],
    )
    def test_what_cannot_be_read_is_refused_before_any_event(  # noqa: PLR0917 - a table and two fixtures
        self,
        local: Deployment,
        client: AsyncClient,
        document: str | bytes,
        options: dict[str, str],
        kind: type[OcrError],
        code: ErrorCode,
    ) -> None:
        with pytest.raises(kind) as raised:
            client.submit(document, **options)
        assert raised.value.code is code
        assert not local.messages()

    @given(st.text(min_size=1))
    def test_whatever_a_file_is_called_its_key_is_welcome(self, name: str) -> None:
        key = f"submitted/{'0' * 32}/{safe_name(name)}"
        check_key(key)
        DocumentSubmitted(source=f"s3://bucket/{key}")
        assert key.count("/") == 2

    @pytest.mark.parametrize(
        ("name", "kept"),
        [
            ("Invoice #12 (May) & co.pdf", "Invoice #12 (May) & co.pdf"),
            ("Größe_été.jpg", "Größe_été.jpg"),
            ("Screenshot at 5.42\u202fPM.png", "Screenshot at 5.42 PM.png"),
            ("100%2f.pdf", "100_2f.pdf"),
            ("100 % wool.pdf", "100 % wool.pdf"),
            ("a\\b\nc.pdf", "a_b_c.pdf"),
            ("r\udce9sum\udce9.pdf", "r_sum_.pdf"),
            ("..", "document"),
        ],
    )
    def test_a_key_ends_in_the_name_that_people_know(self, name: str, kept: str) -> None:
        assert safe_name(name) == kept


class TestStatus:
    def test_of_a_document_that_was_read(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(1)
        local.start(job)
        status = client.wait(job.job_id, timeout=PATIENCE)
        assert (status.state, status.attempt, status.source) == ("succeeded", 1, job.source)
        assert status.verdict == "review"
        assert status.pages
        assert status.pages.failed == 1
        assert status.started
        assert status.stopped
        assert status.submitted <= status.started <= status.stopped

    def test_of_one_that_failed_has_the_code_that_the_flow_ended_with(
        self, local: Deployment, client: AsyncClient
    ) -> None:
        job = a_job(2, pages=FAILS)
        local.start(job)
        status = client.wait(job.job_id, timeout=PATIENCE)
        assert status.state == "failed"
        assert status.error
        assert status.error.code is ErrorCode.ENCRYPTED_DOCUMENT
        assert not status.error.retryable

    def test_of_one_that_waits_and_then_runs(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(3, pages=RUNS_ON)
        local.submit(job)
        status = client.status(job.job_id)
        assert (status.state, status.started, status.done) == ("waiting", None, False)
        local.start(job)
        status = client.status(job.job_id)
        assert (status.state, status.done) == ("running", False)
        assert status.began == status.started

    def test_one_whose_outcome_is_recorded_runs_until_it_is_published(
        self, local: Deployment, client: AsyncClient
    ) -> None:
        job = a_job(5, pages=RUNS_ON)
        local.start(job)
        error = ErrorInfo(code=ErrorCode.INTERNAL, message="stopped by hand", retryable=True)
        local.jobs.record(job, Outcome.failed(job, error))
        assert client.status(job.job_id).state == "running"
        local.jobs.end(job)
        status = client.status(job.job_id)
        assert (status.state, status.error) == ("failed", error)

    def test_of_one_that_never_was(self, client: AsyncClient) -> None:
        with pytest.raises(RequestError, match="was not taken in yet, was refused at the door") as raised:
            client.status(f"{4:032x}")
        assert raised.value.code is ErrorCode.SOURCE_NOT_FOUND

    @pytest.mark.parametrize("job_id", ["", "1", "../../etc", "G" * 32, "0" * 33])
    def test_what_is_no_id_is_refused(self, client: AsyncClient, job_id: str) -> None:
        for call in (client.status, client.wait, client.result, client.redrive):
            with pytest.raises(RequestError):
                call(job_id)


class TestWait:
    def test_a_job_may_start_after_waiting_has_begun(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(10)
        later = threading.Timer(0.3, local.start, [job])
        later.start()
        assert client.wait(job.job_id, timeout=PATIENCE).state == "succeeded"
        later.join()

    def test_it_ends_where_nothing_starts(self, client: AsyncClient) -> None:
        with pytest.raises(EngineError, match=r"was not taken in within 0\.2 seconds") as raised:
            client.wait(f"{11:032x}", timeout=0.2)
        assert raised.value.code is ErrorCode.STAGE_TIMEOUT

    def test_it_ends_where_nothing_ends(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(12, pages=RUNS_ON)
        local.start(job)
        with pytest.raises(EngineError, match=r"attempt 1 .* is running"):
            client.wait(job.job_id, timeout=0.2)

    def test_it_waits_for_the_latest_attempt(self, local: Deployment, client: AsyncClient) -> None:
        first, second = a_job(13, pages=FAILS), a_job(13, attempt=2)
        local.start(first)
        assert client.wait(first.job_id, timeout=PATIENCE).state == "failed"
        local.start(second)
        status = client.wait(first.job_id, timeout=PATIENCE)
        assert (status.attempt, status.state) == (2, "succeeded")


class TestResult:
    def test_the_latest_that_there_is(self, local: Deployment, client: AsyncClient, tmp_path: Path) -> None:
        job = a_job(20)
        local.put_result(a_result(job.job_id, "first"), attempt=9, result_txt=b"first")
        local.put_result(a_result(job.job_id, "second"), attempt=10, result_txt=b"second")
        assert client.result(job.job_id).text == "second"
        assert client.result(job.job_id, attempt=9).text == "first"
        files = client.download(job.job_id, tmp_path / "new" / "folder")
        assert {file.name: file.read_bytes() for file in files}["result.txt"] == b"second"
        assert {file.name for file in files} == {"result.json", "result.txt"}

    def test_one_that_is_not_there_yet(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(21, pages=RUNS_ON)
        local.start(job)
        with pytest.raises(CapacityError) as raised:
            client.result(job.job_id)
        assert raised.value.code is ErrorCode.NOT_READY

    def test_a_job_that_failed_before_it_had_one(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(22, pages=FAILS)
        local.start(job)
        client.wait(job.job_id, timeout=PATIENCE)
        with pytest.raises(DocumentError, match="asks for a password") as raised:
            client.result(job.job_id)
        assert raised.value.code is ErrorCode.ENCRYPTED_DOCUMENT

    def test_a_file_outside_its_folder_is_not_written(
        self, local: Deployment, client: AsyncClient, tmp_path: Path
    ) -> None:
        job = a_job(23)
        local.put_result(a_result(job.job_id))
        key = f"results/{job.job_id}/1/../../outside.txt"
        local.s3.put_object(Bucket=local.names.bucket("results"), Key=key, Body=b"")
        with pytest.raises(RequestError, match="outside"):
            client.download(job.job_id, tmp_path / "a" / "b")
        assert not (tmp_path / "outside.txt").exists()


class TestRedrive:
    def test_the_same_job_in_its_next_attempt(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(30, pages=FAILS)
        local.start(job)
        with Worker(local, None):
            assert client.redrive(job.job_id) == 2
            assert client.wait(job.job_id, timeout=PATIENCE).attempt == 2
        again = local.jobs.get(job.job_id)
        assert again is not None
        assert again.job == job.model_copy(update={"attempt": 2})

    def test_one_that_was_read_may_be_read_again(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(31)
        local.start(job)
        with Worker(local, None):
            assert client.redrive(job.job_id) == 2

    def test_what_is_asked_for_comes_from_the_source_of_its_job(
        self, local: Deployment, client: AsyncClient
    ) -> None:
        job = a_job(34).model_copy(update={"test": TestRun(id="nightly")})
        local.start(job)
        later = threading.Thread(target=client.redrive, args=[job.job_id])
        later.start()
        bodies: list[str] = []
        until(lambda: bodies.extend(local.messages()) or bodies)
        assert [json.loads(body)["source"] for body in bodies] == [TEST_SOURCE]
        local.submit(job.model_copy(update={"attempt": 2}))
        later.join()

    def test_one_that_runs_is_left_alone(self, local: Deployment, client: AsyncClient) -> None:
        job = a_job(32, pages=RUNS_ON)
        local.start(job)
        with pytest.raises(RequestError, match="still running"):
            client.redrive(job.job_id)

    def test_one_that_never_was(self, client: AsyncClient) -> None:
        with pytest.raises(RequestError):
            client.redrive(f"{33:032x}")


class TestJobs:
    def test_newest_first_and_each_once(self, local: Deployment, client: AsyncClient) -> None:
        jobs = [a_job(40), a_job(41), a_job(40, attempt=2)]
        for job in jobs:
            local.start(job)
            time.sleep(0.01)
        newest, before = client.jobs(limit=2)
        assert (newest.job_id, newest.attempt) == (jobs[2].job_id, 2)
        assert before.job_id == jobs[1].job_id

    def test_those_that_wait_or_run_are_among_them(self, local: Deployment, client: AsyncClient) -> None:
        local.submit(a_job(42))
        local.start(a_job(43, pages=RUNS_ON))
        assert [job.state for job in client.jobs(limit=2)] == ["running", "waiting"]
        assert len(client.jobs(limit=1)) == 1

    def test_the_start_of_an_id_will_do(self, local: Deployment, client: AsyncClient) -> None:
        one, other = "abcdef1" + "0" * 25, "abcdef2" + "0" * 25
        for job_id in (one, other):
            local.start(a_job(0).model_copy(update={"job_id": job_id}))
        assert client.find("abcdef1") == one
        assert client.find(one) == one
        with pytest.raises(RequestError, match="2 jobs start with abcdef"):
            client.find("abcdef")
        with pytest.raises(RequestError, match="no job starts with fedcba"):
            client.find("fedcba")
        with pytest.raises(RequestError, match="6 or more"):
            client.find("abcde")


def test_a_deployment_that_is_not_whole_is_told(local: Deployment) -> None:
    other = AsyncClient("other")
    with pytest.raises(ConfigurationError, match=r"stage other .* is not deployed"):
        other.submit(PNG)
    with pytest.raises(ConfigurationError, match="stage other"):
        other.result("0" * 32)
