"""Code detection in the flow: its answer lies beside those of the other stages, and its time is counted."""

from __future__ import annotations

from pathlib import Path

from hybrid_ocr.contracts.codec import decode
from hybrid_ocr.contracts.messages import CodeBatch, PageCodes
from tests.code_detection.pages import page
from tests.flow.conftest import site, start  # noqa: F401 - fixtures
from tests.flow.site import Site


def test_the_codes_of_a_document_lie_in_the_work_bucket(site: Site, tmp_path: Path) -> None:  # noqa: F811
    document = tmp_path / "ticket.png"
    document.write_bytes(page(1, ("seat 42", 400, 600), line="Admit one person").data)
    job = site.client.submit(document)
    assert site.client.wait(job, 120).state == "succeeded"

    result = site.client.result(job)
    assert "Admit one person" in result.text
    assert result.timings["code_detection"] > 0
    assert "code_detection" not in result.models  # no weights answered, and the bundle pins none

    work = site.names.bucket("work")
    listed = site.s3.list_objects_v2(Bucket=work, Prefix=f"jobs/{job}/1/")["Contents"]
    [key] = [each["Key"] for each in listed if each["Key"].endswith("/codes.msgpack")]
    [answer] = decode(CodeBatch, site.s3.get_object(Bucket=work, Key=key)["Body"].read()).pages
    assert isinstance(answer, PageCodes)
    assert [code.text for code in answer.codes] == ["seat 42"]
