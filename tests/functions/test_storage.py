"""Objects and bundles: what is gone, what was first, what is what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ArtifactError, DocumentError, ErrorCode, ErrorInfo, RequestError
from hybrid_ocr.contracts.messages import TextBatch
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.tickets import Tickets
from tests.functions.component import Component, bundle, stage_task

ERROR = ErrorInfo(code=ErrorCode.INTERNAL, message="m", retryable=False)


@pytest.mark.parametrize("key", ["a/error.json", "a/text.msgpack"])
def test_a_message_comes_back_as_it_went(component: Component, key: str) -> None:
    message = ERROR if key.endswith(".json") else TextBatch(pages=())
    component.work.write(key, message)
    assert component.work.read(key, type(message)) == message
    assert component.work.exists(key)
    assert list(component.work.keys("a/")) == [key]
    with pytest.raises(RequestError):
        component.work.read(key, TextBatch if key.endswith(".json") else ErrorInfo)


def test_the_first_writer_wins(component: Component) -> None:
    assert component.work.put_first("k", b"first", "text/plain")
    assert not component.work.put_first("k", b"second", "text/plain")
    assert component.work.get("k") == b"first"
    assert component.work.write_first("e.json", ERROR)
    assert not component.work.write_first("e.json", ERROR)


def test_what_is_not_there_has_a_code(component: Component, tmp_path: Path) -> None:
    assert not component.work.exists("gone")
    for look in (
        lambda: component.work.get("gone"),
        lambda: component.work.facts_of_source("gone"),
        lambda: component.work.at("no-such-bucket").get("gone"),
        lambda: component.work.download("gone", tmp_path / "file"),
    ):
        with pytest.raises(DocumentError) as caught:
            look()
        assert caught.value.code is ErrorCode.SOURCE_NOT_FOUND
    assert not (tmp_path / "file").exists()


def test_a_download_is_of_the_version_or_etag_that_was_meant(component: Component, tmp_path: Path) -> None:
    first = component.upload(body=b"first")
    second = component.upload(body=b"second")
    key, path = "inbox/letters/one.pdf", tmp_path / "file"
    component.inbox.download(key, path, version_id=first["VersionId"], etag=first["ETag"].strip('"'))
    assert path.read_bytes() == b"first"
    component.inbox.download(key, path, etag=second["ETag"].strip('"'))
    assert path.read_bytes() == b"second"
    with pytest.raises(DocumentError):
        component.inbox.download(key, path, etag=first["ETag"].strip('"'))


def test_bundles_are_found_by_script_and_id(component: Component) -> None:
    bundles = Bundles(component.artifacts)
    assert bundles.active() == bundles.active("latin") == bundle().id
    assert bundles.get(bundle().id) == bundle()
    with pytest.raises(RequestError):
        bundles.active("klingon")
    with pytest.raises(ArtifactError) as caught:
        bundles.get("f" * 16)
    assert caught.value.code is ErrorCode.ARTIFACT_NOT_FOUND


@pytest.mark.parametrize("active", [b"", b"[]", b'{"latin": "' + b"0" * 16 + b'"}', b'{"default": "../x"}'])
def test_a_damaged_list_of_bundles_is_an_artefact_error(component: Component, active: bytes) -> None:
    component.artifacts.put(keys.ACTIVE_BUNDLES, active, "application/json")
    with pytest.raises(ArtifactError):
        Bundles(component.artifacts).active()


def test_a_bundle_under_another_ones_name_is_refused(component: Component) -> None:
    component.artifacts.write(keys.bundle_key("f" * 16), bundle())
    with pytest.raises(ArtifactError):
        Bundles(component.artifacts).get("f" * 16)
    told = bundle().model_dump(mode="json") | {"id": "e" * 16}
    component.artifacts.put(keys.bundle_key("e" * 16), json.dumps(told).encode(), "application/json")
    with pytest.raises(ArtifactError):
        Bundles(component.artifacts).get("e" * 16)


def test_no_token_is_lost_among_dispatches_of_the_same_batch(tickets: Tickets) -> None:
    seen = [tickets.open(stage_task(f"token-{number}")) for number in range(4)]
    assert [ticket.generation for ticket in seen] == [1, 2, 3, 4]
    assert not any(tickets.close(ticket) for ticket in seen[:-1]), "they look at an older ticket"
    assert not tickets.drop(seen[0], seen[0].tokens)
    ticket = tickets.get(seen[0].inference_id)
    assert ticket is not None
    assert ticket.tokens == {f"token-{number}" for number in range(4)}
    assert tickets.close(ticket)
    assert tickets.get(ticket.inference_id) is None
