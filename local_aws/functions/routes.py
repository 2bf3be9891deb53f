"""The Invoke operation of the Lambda API over HTTP.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from werkzeug import Request, Response

from local_aws.functions.model import InvokeRefused
from local_aws.functions.pool import FunctionPool

Route = tuple[str, re.Pattern[str], Callable[[Request, re.Match[str]], Response]]

_PATH: Final = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?")
_NAME: Final = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?(?:\d{12}:)?(?:function:)?(?P<name>[A-Za-z0-9_-]{1,64})"
    r"(?::(?P<qualifier>[$A-Za-z0-9_-]{1,128}))?"
)
"""A name, a partial ARN or a full one."""


def routes(pool: FunctionPool) -> list[Route]:
    """Method, pattern of the whole path, and what answers it."""
    return [("POST", _PATH, lambda request, match: _answer(pool, request, match["function"]))]


def _answer(pool: FunctionPool, request: Request, function: str) -> Response:
    try:
        return _invoke(pool, request, _name(unquote(function), request.args.get("Qualifier")))
    except InvokeRefused as refused:
        kind = "User" if refused.status < 500 else "Service"
        body = json.dumps({"Type": kind, "Message": refused.message, "message": refused.message})
        headers = {"x-amzn-ErrorType": refused.code, "x-amzn-RequestId": str(uuid.uuid4())}
        return Response(body, refused.status, headers, mimetype="application/json")


def _invoke(pool: FunctionPool, request: Request, name: str) -> Response:
    kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    payload = request.get_data()
    if kind == "DryRun":
        pool.check(name, payload)
        return Response(status=204)
    if kind == "Event":
        return Response(status=202, headers={"x-amzn-RequestId": pool.send(name, payload)})
    if kind != "RequestResponse":
        raise InvokeRefused("InvalidParameterValueException", 400, f"unknown invocation type: {kind[:64]!r}")
    done = pool.invoke(name, payload)
    headers = {"x-amzn-RequestId": done.request_id, "X-Amz-Executed-Version": "$LATEST"}
    if done.error is not None:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if request.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(done.log_tail).decode()
    return Response(done.payload, 200, headers, mimetype="application/json")


def _name(function: str, qualifier: str | None) -> str:
    """The name in a name or an ARN; a version or an alias, which no function has, stays with it."""
    match = _NAME.fullmatch(function)
    name, version = (match["name"], match["qualifier"] or qualifier) if match else (function[:256], None)
    return name if version in {None, "$LATEST"} else f"{name}:{version}"
