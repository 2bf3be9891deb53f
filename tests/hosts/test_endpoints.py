"""The three endpoints as SageMaker would run them: real processes, real models, a page drawn here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.contracts.codec import JSON, MSGPACK, encode
from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.contracts.messages import (
    CropBatch,
    FailedPage,
    PageBatch,
    PageCrops,
    PageImage,
    PageRegions,
    PageText,
    RegionBatch,
    TextBatch,
)
from local_aws.errors import StartError
from local_cloud.containers import endpoint_container
from tests.hosts.fleet import ContainerFleet
from tests.patience import PATIENCE

MODELS = {
    "region_detection": "picodet-layout-cdla",
    "text_detection": "pp-ocrv6-small-det",
    "ocr": "pp-ocrv6-small-rec",
}
WORDS = ["Every page that is read", "leaves the line as it found it,", "and no line is read twice."]
SIZE = (900, 700)


@pytest.fixture(scope="module")
def fleet() -> Iterator[ContainerFleet]:
    root = artifacts_root()
    missing = [name for name in MODELS.values() if not (root / name).is_dir()]
    if missing:
        pytest.skip(f"model artefacts are not built: {', '.join(missing)}")
    containers = [endpoint_container(stage, root / model) for stage, model in MODELS.items()]
    with ContainerFleet(containers) as started:
        yield started


@pytest.fixture(scope="module")
def png() -> bytes:
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for number, words in enumerate(WORDS):
        draw.text((90, 120 + 60 * number), words, fill="black", font=ImageFont.load_default(size=34))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def page(number: int, data: bytes) -> PageImage:
    return PageImage(number=number, width=SIZE[0], height=SIZE[1], encoding="png", data=data)


def test_a_page_passes_through_all_three(fleet: ContainerFleet, png: bytes) -> None:
    batch = PageBatch(pages=(page(1, png), page(2, png[: len(png) // 2]), page(3, png)))
    regions = fleet.invoke("region_detection", batch, RegionBatch)
    crops = fleet.invoke("text_detection", batch, CropBatch)
    text = fleet.invoke("ocr", crops, TextBatch)

    for answer in (regions, crops, text):
        failed = answer.pages[1]
        assert isinstance(failed, FailedPage)
        assert (failed.number, failed.error.code) == (2, "TRUNCATED_IMAGE")
    assert isinstance(regions.pages[0], PageRegions)
    for read in (text.pages[0], text.pages[2]):
        assert isinstance(read, PageText)
        assert [line.text for line in sorted(read.lines, key=lambda line: line.polygon[0][1])] == WORDS
    names = {stage: model.name for stage, model in {**regions.models, **text.models}.items()}
    assert names == MODELS
    assert text.models["ocr"] == load_artifact(artifacts_root() / MODELS["ocr"]).identity


def test_a_raw_image_is_answered_in_json(fleet: ContainerFleet, png: bytes) -> None:
    answered = httpx.post(
        f"{fleet.urls['text_detection']}/invocations",
        content=png,
        headers={"content-type": "image/png", "accept": JSON},
        timeout=PATIENCE,
    )
    found = CropBatch.model_validate_json(answered.content).pages[0]
    assert isinstance(found, PageCrops)
    assert len(found.lines) == len(WORDS)
    taken = httpx.post(
        f"{fleet.urls['ocr']}/invocations",
        content=answered.content,
        headers={"content-type": JSON},
        timeout=PATIENCE,
    )
    read = TextBatch.model_validate_json(taken.content).pages[0]
    assert isinstance(read, PageText)
    assert {line.text for line in read.lines} == set(WORDS)


@pytest.mark.parametrize(
    "content_type", [None, "application/octet-stream", "application/x-image", "image/jpg"]
)
@pytest.mark.parametrize(
    ("stage", "answer"), [("region_detection", RegionBatch), ("text_detection", CropBatch)]
)
def test_the_stages_of_a_page_know_an_image_by_its_bytes(
    fleet: ContainerFleet,
    png: bytes,
    stage: str,
    answer: type[RegionBatch | CropBatch],
    content_type: str | None,
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    url = f"{fleet.urls[stage]}/invocations"
    said = httpx.post(url, content=png, headers=headers, timeout=PATIENCE)
    assert said.headers["content-type"] == JSON
    [read] = answer.model_validate_json(said.content).pages
    assert (read.status, read.number) == ("ok", 1)


@pytest.mark.parametrize("stage", MODELS)
def test_each_endpoint_says_what_it_takes_and_gives(fleet: ContainerFleet, png: bytes, stage: str) -> None:
    url = f"{fleet.urls[stage]}/invocations"
    unknown = httpx.post(url, content=b"hello", timeout=PATIENCE)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert MSGPACK in unknown.text
    assert ("image/tiff" in unknown.text) == (stage != "ocr")
    headers = {"content-type": MSGPACK, "accept": "image/png"}
    unmet = httpx.post(url, content=encode(PageBatch(pages=())), headers=headers, timeout=PATIENCE)
    assert (unmet.status_code, unmet.json()["error"]["code"]) == (406, "UNSUPPORTED_MEDIA_TYPE")


def test_ocr_takes_no_image_and_no_page(fleet: ContainerFleet, png: bytes) -> None:
    url = f"{fleet.urls['ocr']}/invocations"
    image = httpx.post(url, content=png, headers={"content-type": "image/png"}, timeout=PATIENCE)
    assert (image.status_code, image.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    untyped = httpx.post(url, content=png, timeout=PATIENCE)
    assert (untyped.status_code, untyped.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    body = encode(PageBatch(pages=(page(1, png),)))
    pages = httpx.post(url, content=body, headers={"content-type": MSGPACK}, timeout=PATIENCE)
    assert (pages.status_code, pages.json()["error"]["code"]) == (400, "INVALID_REQUEST")


def test_an_artefact_of_another_stage_is_refused_at_the_start(fleet: ContainerFleet, tmp_path: Path) -> None:
    wrong = endpoint_container("text_detection", artifacts_root() / MODELS["ocr"])
    with pytest.raises(StartError, match="ended with status 1") as refused, ContainerFleet([wrong]):
        pass
    assert refused.value.entry["code"] == ErrorCode.ARTIFACT_INVALID
    absent = endpoint_container("ocr", tmp_path / "nothing")
    with pytest.raises(StartError, match="ended with status 1") as missing, ContainerFleet([absent]):
        pass
    assert missing.value.entry["code"] == ErrorCode.ARTIFACT_NOT_FOUND
