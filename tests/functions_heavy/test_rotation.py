from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from hybrid_ocr.contracts import flow_errors, keys
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.flow_errors import PermanentError
from hybrid_ocr.contracts.jobs import BatchTask, Job
from hybrid_ocr.contracts.messages import FailedPage, PageBatch, PageImage
from hybrid_ocr.images import decode_page, encode_image
from lambdas.rotation.documents import DocumentCache
from tests.functions_heavy.conftest import Call
from tests.functions_heavy.desk import INBOX, NAME, Desk


def rotate(rotation: Call, batch: BatchTask) -> None:
    assert rotation(batch.model_dump(mode="json")) is None


def pages_of(desk: Desk, batch: BatchTask) -> PageBatch:
    return desk.work.read(keys.output_key(batch, "rotation"), PageBatch)


def test_a_batch_becomes_upright_pages_that_name_their_model(
    desk: Desk, rotation: Call, samples: Path
) -> None:
    batch = BatchTask(job=desk.submit(samples / "article.pdf"), round=0, pages="2-3")
    rotate(rotation, batch)
    written = pages_of(desk, batch)
    assert written.models == {"rotation": desk.bundle.models["rotation"]}
    assert [page.number for page in written.pages] == [2, 3]
    for page in written.pages:
        assert isinstance(page, PageImage)
        assert decode_page(page).shape == (page.height, page.width, 3)


def test_a_batch_that_is_there_already_is_left_alone(
    desk: Desk, rotation: Call, source_reads: list[str], samples: Path
) -> None:
    batch = BatchTask(job=desk.submit(samples / "letter.jpg"), round=0, pages="1")
    key = keys.output_key(batch, "rotation")
    desk.work.put(key, b"what the first one wrote", "application/msgpack")
    rotate(rotation, batch)
    assert source_reads == []
    assert desk.work.get(key) == b"what the first one wrote"


def test_a_page_that_cannot_be_opened_does_not_cost_its_batch(
    desk: Desk, rotation: Call, samples: Path
) -> None:
    batch = BatchTask(job=desk.submit(samples / "article.pdf"), round=0, pages="3,40")
    rotate(rotation, batch)
    good, bad = pages_of(desk, batch).pages
    assert isinstance(good, PageImage)
    assert isinstance(bad, FailedPage)
    assert (bad.number, bad.stage, bad.error.code) == (40, "opening", ErrorCode.PAGE_OUT_OF_RANGE)
    assert bad.error.message.startswith(f"{NAME}: page 40: ")


def test_a_batch_whose_document_is_gone_is_lost_for_a_reason_that_is_kept(
    desk: Desk, rotation: Call, samples: Path
) -> None:
    job = desk.submit(samples / "letter.jpg").model_copy(update={"version_id": None, "etag": "0" * 32})
    batch = BatchTask(job=job, round=0, pages="1")
    with pytest.raises(PermanentError, match="SOURCE_NOT_FOUND"):
        rotation(batch.model_dump(mode="json"))
    reason = desk.work.read(keys.error_key(batch, "rotation"), ErrorInfo)
    assert reason.code is ErrorCode.SOURCE_NOT_FOUND
    assert not desk.work.exists(keys.output_key(batch, "rotation"))


def test_an_engine_that_fails_is_worth_another_try(
    desk: Desk, rotation: Call, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid_ocr.contracts.errors import EngineError
    from hybrid_ocr.stages.rotation.stage import RotationStage

    def broken(*_: object) -> None:
        raise EngineError("the network failed")

    batch = BatchTask(job=desk.submit(samples / "letter.jpg"), round=0, pages="1")
    with monkeypatch.context() as patch:
        patch.setattr(RotationStage, "run", broken)
        with pytest.raises(flow_errors.EngineError, match="ENGINE_FAILED"):
            rotation(batch.model_dump(mode="json"))
    rotate(rotation, batch)
    assert isinstance(pages_of(desk, batch).pages[0], PageImage)


def test_the_batches_of_a_document_download_it_once(
    desk: Desk, rotation: Call, source_reads: list[str], samples: Path
) -> None:
    job = desk.submit(samples / "article.pdf")
    for pages in ("1", "2", "3"):
        rotate(rotation, BatchTask(job=job, round=0, pages=pages))
    assert source_reads == [f"{INBOX}/inbox/a document"]


def test_documents_on_disk_are_bounded_and_named_by_us(desk: Desk, tmp_path: Path) -> None:
    cache = DocumentCache(desk.work, tmp_path, most_bytes=2_500)
    jobs = [desk.submit(bytes([n]) * 1_000) for n in range(4)]
    paths = [cache.path(job) for job in jobs[:3]]
    assert cache.path(jobs[1]) == paths[1]  # asked for again: the last to go
    newest = cache.path(jobs[3])
    assert {*tmp_path.iterdir()} == {paths[1], newest}
    assert newest.read_bytes() == bytes([3]) * 1_000
    assert cache.path(desk.submit(b"x" * 9_000)).stat().st_size == 9_000
    assert len([*tmp_path.iterdir()]) == 1
    assert all(path.name.isalnum() for path in paths)


def image_of(rotation: Call, data: bytes) -> PageImage:
    answer = rotation({"image": b64encode(data).decode()})
    return PageImage.model_validate_json(json.dumps(answer))


def test_an_image_comes_back_upright(desk: Desk, rotation: Call, samples: Path) -> None:
    page = image_of(rotation, (samples / "receipt.png").read_bytes())
    image = decode_page(page)
    assert (page.number, page.quadrant, page.height > page.width) == (1, 0, True)
    turned = image_of(rotation, encode_image(np.ascontiguousarray(image[::-1, ::-1]), "png"))
    assert turned.quadrant == 180
    assert (turned.width, turned.height) == (page.width, page.height)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("%%%%", ErrorCode.INVALID_REQUEST),
        ("", ErrorCode.INVALID_REQUEST),
        ("A" * (6 * 2**20 + 4), ErrorCode.INVALID_REQUEST),
        (b64encode(b"no image").decode(), ErrorCode.UNSUPPORTED_FORMAT),
        (12, ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_is_no_image_is_refused_with_a_code(
    desk: Desk, rotation: Call, image: object, code: ErrorCode
) -> None:
    with pytest.raises(PermanentError) as refused:
        rotation({"image": image})
    assert ErrorInfo.model_validate_json(str(refused.value)).code is code


def test_a_document_is_no_single_image(desk: Desk, rotation: Call, samples: Path) -> None:
    with pytest.raises(PermanentError, match="UNSUPPORTED_FORMAT"):
        rotation({"image": b64encode((samples / "article.pdf").read_bytes()).decode()})


def test_an_answer_that_lambda_would_cut_is_an_error(desk: Desk, rotation: Call) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    lossless = encode_image(noise.repeat(5, 0).repeat(5, 1), "png")  # grows as the JPEG that would go on
    with pytest.raises(PermanentError, match="BODY_TOO_LARGE"):
        image_of(rotation, lossless)


def test_only_this_function_pays_for_openvino(environment: None) -> None:
    """Paginate and validation start without the engine that rotation alone needs."""
    script = (
        "import sys, lambdas.paginate.handler, lambdas.validation.handler;sys.exit('openvino' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_job_from_another_document_with_the_same_key_is_another_file(desk: Desk, tmp_path: Path) -> None:
    cache = DocumentCache(desk.work, tmp_path)
    first: Job = desk.submit(b"first")
    second = desk.submit(b"second")
    assert cache.path(first).read_bytes() == b"first"
    assert cache.path(second).read_bytes() == b"second"
