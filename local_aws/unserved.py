"""What the local AWS does not serve: an error in the shape of the caller's protocol that names it.

Moto answers such a call with a page of HTML or an exception, which SDKs take for a fault that passes.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.model import DenormalizedStructureBuilder
from botocore.serialize import RpcV2CBORSerializer
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug import Response
from werkzeug.exceptions import NotFound
from werkzeug.test import run_wsgi_app

from local_aws.moto_server import session

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["MotoApplication", "NotServedError"]

_log = logging.getLogger(__name__)
_REFUSED: Final[Mapping[str, list[str]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)
_STATUS: Final = 501  # the one server error that SDKs do not try again
_SCOPE: Final = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request")
_CBOR: Final = re.compile(r"/service/[^/]+/operation/([^/]+)")
_NO_API: Final = ("/moto-api", "/latest/", "/favicon.ico")
_PAGE: Final = b"<!doctype html"
_NAMES: Final = {"monitoring": "cloudwatch", "states": "stepfunctions"}
_ENVELOPES: Final = {"ec2": "<Response><Errors>{}</Errors></Response>", "s3": "{}"}
_ERROR_SHAPE: Final = (
    DenormalizedStructureBuilder()
    .with_members({"__type": {"type": "string"}, "message": {"type": "string"}})
    .build_model()
)


class NotServedError(Exception):
    """A part of an operation that is not served; its text says which and why: "with ..."."""


class MotoApplication:
    """The services of moto as a WSGI application, with an error in place of whatever they do not serve."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(_app)
        # It tries the patterns of all services for each request: 0.4 ms, and one request at a time.
        self._moto.get_backend_for_host = lru_cache(maxsize=256)(self._moto.get_backend_for_host)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, whatever moto does with it."""
        form = self._moto._get_body(environ) or ""  # read here: the views of moto leave nothing of it
        try:
            if _is_refused(environ, form):
                raise NotImplementedError
            chunks, status, headers = run_wsgi_app(self._moto, environ)
            if int(status[:3]) >= 400:
                chunks = [b"".join(chunks)]
                _raise_for_page(environ, status, chunks[0])
        except Exception as error:
            return _error(environ, form, error)(environ, start_response)
        start_response(status, list(headers))
        return chunks


def _app(service: Any) -> Any:
    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


def _raise_for_page(environ: WSGIEnvironment, status: str, body: bytes) -> None:
    """Raise where an answer is none of AWS: a page of moto's web framework, or nothing at all."""
    if environ["PATH_INFO"].startswith(_NO_API) or environ["REQUEST_METHOD"] == "HEAD":
        return
    if status[:3] in {"404", "405"} and (not body or body.lower().startswith(_PAGE)):
        raise NotImplementedError
    if body.lower().startswith(_PAGE):
        raise RuntimeError(status)


def _is_refused(environ: WSGIEnvironment, form: str) -> bool:
    service = _signing_name(environ)
    patterns = _REFUSED.get(service, ())
    if not patterns or (service == "s3" and environ["REQUEST_METHOD"] == "GET"):
        return False
    return any(fnmatchcase(_operation(service, environ, form) or "", pattern) for pattern in patterns)


def _error(environ: WSGIEnvironment, form: str, error: Exception) -> Response:
    service, operation = _call(environ, form)
    name = f"{service}.{operation}"
    code, message = "NotImplemented", f"the local AWS does not serve {name}"
    if isinstance(error, NotServedError):
        message += f" {error}"
    elif not isinstance(error, NotImplementedError):
        _log.error("%s failed", name, exc_info=error)
        code, message = "InternalFailure", f"{name} failed in the local AWS: {type(error).__name__}: {error}"
    protocol = _protocol(service, environ)
    if protocol == "smithy-rpc-v2-cbor":
        body = bytearray()
        values = {"__type": code, "message": f"{message} by {protocol}"}
        RpcV2CBORSerializer()._serialize_data_item(body, values, _ERROR_SHAPE)  # type: ignore[attr-defined]
        return Response(
            bytes(body), _STATUS, {"smithy-protocol": "rpc-v2-cbor"}, content_type="application/cbor"
        )
    if protocol.endswith("json"):
        text = json.dumps({"__type": code, "message": message})
        return Response(text, _STATUS, {"x-amzn-ErrorType": code}, content_type="application/json")
    envelope = _ENVELOPES.get("s3" if service == "s3" else protocol, "<ErrorResponse>{}</ErrorResponse>")
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(envelope.format(text), _STATUS, content_type="text/xml")


def _call(environ: WSGIEnvironment, form: str) -> tuple[str, str]:
    """The service, by botocore's name where there is one, and the operation that a request is for."""
    signing = _signing_name(environ)
    for service in _candidates(signing):
        operation = _operation(service, environ, form)
        if operation is not None:
            return service, operation
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    action = parse_qs(form).get("Action", [""])[0]
    return signing, target or action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _candidates(signing_name: str) -> Iterator[str]:
    """Services whose requests may be signed for a name; to know all of them takes seconds."""
    yield _NAMES.get(signing_name, signing_name)
    yield from (name for name in session().get_available_services() if name.startswith(signing_name))


def _signing_name(environ: WSGIEnvironment) -> str:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope[1] if scope else "s3"  # as moto takes it


def _operation(service: str, environ: WSGIEnvironment, form: str) -> str | None:
    """The operation of a service that a request is for, if it is one of this service."""
    if service not in session().get_available_services():
        return None
    request = Request({**environ, "wsgi.input": io.BytesIO(form.encode())})
    cbor = _CBOR.fullmatch(request.path)
    if cbor is not None:
        return cbor[1] if cbor[1] in get_service_model(service).operation_names else None
    try:
        return str(get_service_router(service).match(request)[0].name)
    except (NotFound, NotImplementedError):
        return None


def _protocol(service: str, environ: WSGIEnvironment) -> str:
    content_type = environ.get("CONTENT_TYPE", "")
    if _CBOR.fullmatch(environ["PATH_INFO"]):
        return "smithy-rpc-v2-cbor"
    if service not in session().get_available_services():
        return "json" if "json" in content_type else "query"
    try:
        return str(determine_request_protocol(get_service_model(service), content_type))
    except NotImplementedError:
        return str(get_service_model(service).protocol)
