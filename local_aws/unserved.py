"""What the local AWS does not serve: an error in the shape of the caller's protocol that names it.

Moto answers such a call with a page of HTML or an exception, which SDKs take for a fault that passes.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from local_aws.moto_server import session

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)
REFUSED: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
"""Operations by service, and below `parameters` the parameters of operations that are served."""
_STATUS: Final = 501  # the one server error that SDKs do not try again
_SCOPE: Final = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request")
_CBOR: Final = re.compile(r"/service/[^/]+/operation/([^/]+)")
_NAMES: Final = {"monitoring": "cloudwatch", "states": "stepfunctions"}
_ENVELOPES: Final = {"ec2": "<Response><Errors>{}</Errors></Response>", "s3": "{}"}


class NotServedError(Exception):
    """A part of an operation that is not served; its text names the part and why: "with ..."."""


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
            response = Response.from_app(self._moto, environ)
            if response.status_code >= 400 and environ["REQUEST_METHOD"] != "HEAD":
                _raise_for_page(response)
        except Exception as error:
            response = _error(*_call(environ, form), error)
        return response(environ, start_response)


def _app(service: str | None) -> Any:
    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


def _raise_for_page(response: Response) -> None:
    """Raise where an answer is none of AWS: a page of moto's web framework, or nothing at all."""
    body = response.get_data()
    page = body.lower().startswith(b"<!doctype html")
    if response.status_code in {404, 405} and (page or not body):
        raise NotImplementedError
    if page:
        raise RuntimeError(response.status)


def _is_refused(environ: WSGIEnvironment, form: str) -> bool:
    service = _signing_name(environ)
    if service not in REFUSED or (service == "s3" and environ["REQUEST_METHOD"] == "GET"):
        return False
    operation = _call(environ, form)[1]
    return any(fnmatchcase(operation, pattern) for pattern in REFUSED[service])


def _signing_name(environ: WSGIEnvironment) -> str:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope[1] if scope else "s3"  # as moto takes it


def _call(environ: WSGIEnvironment, form: str) -> tuple[str, str, str]:
    """Service, operation and protocol of a request, by botocore's names where it has any."""
    signing, content_type = _signing_name(environ), environ.get("CONTENT_TYPE", "")
    name = _NAMES.get(signing, signing)
    if cbor := _CBOR.fullmatch(environ["PATH_INFO"]):
        return name, f"{cbor[1]} by smithy-rpc-v2-cbor", "cbor"
    request = Request({**environ, "wsgi.input": io.BytesIO(form.encode())})
    for service in _candidates(name, signing):
        with suppress(UnknownServiceError, HTTPException, NotImplementedError):
            operation, _ = get_service_router(service).match(request)
            protocol = determine_request_protocol(operation.service_model, content_type)
            return service, str(operation.name), "s3" if service == "s3" else protocol
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    action = parse_qs(form).get("Action", [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"])[0]
    return signing, target or action, "json" if "json" in content_type else "query"


def _candidates(name: str, signing: str) -> Iterator[str]:
    """Services whose requests may be signed for a name; to know all of them takes seconds."""
    yield name
    yield from (other for other in session().get_available_services() if other.startswith(signing))


def _error(service: str, operation: str, protocol: str, error: Exception) -> Response:
    name = f"{service}.{operation}"
    code, message = "NotImplemented", f"the local AWS does not serve {name}"
    if isinstance(error, NotServedError):
        message += f" {error}"
    elif not isinstance(error, NotImplementedError):
        _log.error("%s failed", name, exc_info=error)
        code, message = "InternalFailure", f"{name} failed in the local AWS: {type(error).__name__}: {error}"
    if protocol == "cbor":  # a map of two texts: https://www.rfc-editor.org/rfc/rfc8949.html
        texts = [text.encode() for text in ("__type", code, "message", message)]
        body = b"\xa2" + b"".join(b"\x7a" + len(text).to_bytes(4, "big") + text for text in texts)
        return Response(body, _STATUS, {"smithy-protocol": "rpc-v2-cbor"}, content_type="application/cbor")
    if protocol.endswith("json"):
        text = json.dumps({"__type": code, "message": message})
        return Response(text, _STATUS, {"x-amzn-ErrorType": code}, content_type="application/json")
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    envelope = _ENVELOPES.get(protocol, "<ErrorResponse>{}</ErrorResponse>")
    return Response(envelope.format(text), _STATUS, content_type="text/xml")
