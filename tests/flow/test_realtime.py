"""A page while the caller waits: the same models, one call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from hybrid_ocr.clients import RealtimeClient
from hybrid_ocr.contracts.codec import JSON
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import CropBatch, PageCrops
from tests.flow.site import Site, eventually


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[RealtimeClient]:
    with RealtimeClient(connection=site.connection) as client:
        yield client


def test_it_reads_what_the_flow_reads(client: RealtimeClient, site: Site, samples: Path) -> None:
    image = (samples / "receipt.png").read_bytes()
    page = client.read(image)
    job = site.client.submit(image)
    site.client.wait(job, 120)
    result = site.client.result(job)
    assert sorted(line.text for line in page.lines) == sorted(line.text for line in result.pages[0].lines)
    assert page.models["ocr"] == result.models["ocr"]
    assert {"region_detection", "text_detection", "ocr"} <= set(page.seconds)


def test_on_request_a_page_is_turned_upright_first(
    client: RealtimeClient, samples: Path, tmp_path: Path
) -> None:
    with Image.open(samples / "receipt.png") as image:
        image.convert("L").rotate(90, expand=True).save(tmp_path / "lying.png")
    upright = client.read((samples / "receipt.png").read_bytes())
    turned = client.read((tmp_path / "lying.png").read_bytes(), upright=True)
    assert turned.width < turned.height
    words = set(upright.text.split())
    assert len(words & set(turned.text.split())) > 0.9 * len(words)


def test_what_is_too_large_is_refused_before_it_is_sent(client: RealtimeClient) -> None:
    with pytest.raises(OcrError) as caught:
        client.read(b"\x89PNG\r\n\x1a\n" + bytes(7_000_000))
    assert caught.value.code == "BODY_TOO_LARGE"


def test_what_is_no_image_ends_in_its_code(client: RealtimeClient, samples: Path) -> None:
    with pytest.raises(OcrError) as caught:
        client.read((samples / "letter.jpg").read_bytes()[:20_000])
    assert caught.value.code in {"TRUNCATED_IMAGE", "CORRUPT_DOCUMENT"}


def test_boto3_alone_sends_an_image_without_a_word_about_its_type(site: Site, samples: Path) -> None:
    """To a real-time endpoint, and from S3 to an asynchronous one."""
    image = (samples / "receipt.png").read_bytes()
    runtime = site.connection.client("sagemaker-runtime")
    realtime = site.names.endpoint("text_detection", "realtime")
    answer = runtime.invoke_endpoint(EndpointName=realtime, Body=image)
    assert answer["ContentType"] == JSON
    [now] = CropBatch.model_validate_json(answer["Body"].read()).pages

    work = site.names.bucket("work")
    site.s3.put_object(Bucket=work, Key="alone/receipt.png", Body=image)
    sent = runtime.invoke_endpoint_async(
        EndpointName=site.names.endpoint("text_detection", "async"),
        InputLocation=f"s3://{work}/alone/receipt.png",
        S3OutputPathExtension="alone",
        Filename="crops.json",
    )
    assert sent["OutputLocation"] == f"s3://{work}/jobs/alone/crops.json"

    def output() -> list[str]:
        listed = site.s3.list_objects_v2(Bucket=work, Prefix="jobs/alone/crops.json").get("Contents", [])
        return [found["Key"] for found in listed]

    [key] = eventually(output)
    [later] = CropBatch.model_validate_json(site.s3.get_object(Bucket=work, Key=key)["Body"].read()).pages
    assert isinstance(now, PageCrops)
    assert isinstance(later, PageCrops)
    assert len(later.lines) == len(now.lines) > 0
