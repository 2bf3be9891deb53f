"""What never becomes a job: refused at the door with a code, counted, and kept among the dead letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flow.site import Site, eventually

GOOD = "s3://{inbox}/elsewhere/door.png"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"options": {}}, "INVALID_REQUEST"),
    "unknown field": ({"source": GOOD, "colour": "blue"}, "INVALID_REQUEST"),
    "unknown bucket": ({"source": "s3://somebody-elses-bucket/a.png"}, "INVALID_REQUEST"),
    "object gone": ({"source": "s3://{inbox}/elsewhere/gone.png"}, "SOURCE_NOT_FOUND"),
    "https": ({"source": "https://{inbox}.s3.amazonaws.com/a.png"}, "INVALID_REQUEST"),
    "file": ({"source": "file:///etc/passwd"}, "INVALID_REQUEST"),
    "parent": ({"source": "s3://{inbox}/inbox/../work/a.png"}, "INVALID_REQUEST"),
    "encoded dots": ({"source": "s3://{inbox}/inbox/%2e%2e/a.png"}, "INVALID_REQUEST"),
    "line break": ({"source": "s3://{inbox}/inbox/a\r\nSet-Cookie: b.png"}, "INVALID_REQUEST"),
    "right to left": ({"source": "s3://{inbox}/inbox/gnp.\u202etxt"}, "INVALID_REQUEST"),
    "long key": ({"source": "s3://{inbox}/" + "k" * 1_024}, "INVALID_REQUEST"),
    "test from production": ({"source": GOOD, "test": {"id": "t"}}, "INVALID_REQUEST"),
    "unknown script": ({"source": GOOD, "options": {"script": "klingon"}}, "INVALID_REQUEST"),
    "page ranges": ({"source": GOOD, "options": {"pages": "1;drop"}}, "INVALID_REQUEST"),
}


def filled(detail: Any, inbox: str) -> Any:
    """The detail with the bucket's name in it."""
    if isinstance(detail, dict):
        return {key: filled(value, inbox) for key, value in detail.items()}
    return detail.replace("{inbox}", inbox) if isinstance(detail, str) else detail


@pytest.fixture(scope="module")
def refusals(site: Site, samples: Path) -> dict[str, dict[str, Any]]:
    """Every bad event sent at once, and the dead letter of each by what its detail says."""
    site.upload("elsewhere/door.png", (samples / "receipt.png").read_bytes())
    list(site.dead_letters())
    before = site.executions()
    for detail, _ in REFUSED.values():
        site.publish(filled(detail, site.inbox))
    letters: list[dict[str, Any]] = []

    def all_there() -> bool:
        letters.extend(site.dead_letters())
        return len(letters) >= len(REFUSED)

    eventually(all_there)
    assert site.executions() == before
    return {letter["Body"]: letter for letter in letters}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_event_is_kept_with_its_code(
    refusals: dict[str, dict[str, Any]], site: Site, name: str
) -> None:
    import json

    detail, code = REFUSED[name]
    wanted = filled(detail, site.inbox)
    [letter] = [told for body, told in refusals.items() if json.loads(body)["detail"] == wanted]
    values = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert code in values.values()


def test_uploads_with_names_that_mislead_start_nothing(site: Site, samples: Path) -> None:
    body = (samples / "receipt.png").read_bytes()
    list(site.dead_letters())
    before = site.executions()
    for name in ("inbox/..%2f..%2fpasswd.png", "inbox/gnp.\u202etxt", "inbox/" + "k" * 1_010):
        site.upload(name, body)
    letters: list[dict[str, Any]] = []
    eventually(lambda: letters.extend(site.dead_letters()) or len(letters) >= 3)
    assert site.executions() == before


def test_refusals_are_counted(refusals: dict[str, dict[str, Any]], site: Site) -> None:
    cloudwatch = site.connection.client("cloudwatch")

    def counted() -> bool:
        found = cloudwatch.list_metrics(Namespace="HybridOCR", MetricName="DocumentsRejected")["Metrics"]
        return any({"Name": "code", "Value": "SOURCE_NOT_FOUND"} in metric["Dimensions"] for metric in found)

    assert eventually(counted)


def test_what_is_no_event_at_all_is_kept_too(site: Site) -> None:
    list(site.dead_letters())
    site.sqs.send_message(QueueUrl=site.names.queue_url(site.names.queue("jobs")), MessageBody="hello")
    [letter] = eventually(lambda: list(site.dead_letters()))
    assert letter["Body"] == "hello"
