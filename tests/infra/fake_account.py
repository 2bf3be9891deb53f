"""An AWS account behind a socket: moto, and beside it the answers that moto has none for."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs

import httpx
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_QUOTAS: Final = "ServiceQuotasV20190624"
_SETTINGS: Final = "/2016-08-19/account-settings"

Start = Callable[[str, list[tuple[str, str]]], object]


class FakeAccount:
    """Quotas and Lambda's limits as they are set here; `denied` are operations that nobody may call."""

    def __init__(self) -> None:
        self.applied: dict[str, float] = {}
        self.defaults: dict[str, float] = {}
        self.executions, self.unreserved = 1_000, 1_000
        self.endpoints: dict[str, tuple[str, int]] = {}
        self.zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
        self.stacks: dict[str, str] = {}
        self.denied: set[str] = set()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        httpx.post(f"{self.url}/moto-api/reset", timeout=120).raise_for_status()  # the first loads moto
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        form = parse_qs(body.decode("utf-8", "replace")) if not service else {}
        operation = operation or form.get("Action", [""])[0]
        if environ["PATH_INFO"].startswith(_SETTINGS):
            operation = "GetAccountSettings"
        if operation in self.denied:
            return self._deny(operation, start, xml=bool(form))
        if operation == "GetAccountSettings":
            limit = {
                "ConcurrentExecutions": self.executions,
                "UnreservedConcurrentExecutions": self.unreserved,
            }
            return _json(start, "200 OK", {"AccountLimit": limit})
        if operation in {"DescribeEndpoint", "DescribeEndpointConfig"}:
            return self._endpoint(json.loads(body), start)
        if operation == "DescribeVpcEndpointServices":
            return self._services(
                [told for key, [told] in form.items() if key.startswith("ServiceName")], start
            )
        if operation == "DescribeStacks":
            return self._describe(form["StackName"][0], start)
        if service == _QUOTAS and json.loads(body).get("ServiceCode") == "sagemaker":
            values = self.applied if operation == "ListServiceQuotas" else self.defaults
            return _json(start, "200 OK", {"Quotas": [_quota(*told) for told in values.items()]})
        answer: Iterable[bytes] = self._moto(environ, start)
        return answer

    def _endpoint(self, asked: dict[str, str], start: Start) -> Iterable[bytes]:
        """An endpoint and its configuration have the same name here."""
        [(key, name)] = asked.items()
        if name not in self.endpoints:
            told = {"__type": "ValidationException", "message": f'Could not find endpoint "{name}".'}
            return _json(start, "400 Bad Request", told)
        instance_type, count = self.endpoints[name]
        variant = {"VariantName": "AllTraffic", "CurrentInstanceCount": count, "InstanceType": instance_type}
        return _json(
            start,
            "200 OK",
            {
                key: name,
                f"{key.removesuffix('Name')}Arn": f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name}",
                "EndpointConfigName": name,
                "EndpointStatus": "InService",
                "ProductionVariants": [variant],
                "CreationTime": 0,
                "LastModifiedTime": 0,
            },
        )

    def _services(self, names: list[str], start: Start) -> Iterable[bytes]:
        zones = "".join(f"<item>{zone}</item>" for zone in self.zones)
        services = "".join(
            f"<item><serviceName>{name}</serviceName><availabilityZoneSet>{zones}</availabilityZoneSet></item>"
            for name in names
        )
        start("200 OK", [("Content-Type", "text/xml")])
        told = f"<serviceDetailSet>{services}</serviceDetailSet>"
        return [f"<DescribeVpcEndpointServicesResponse>{told}</DescribeVpcEndpointServicesResponse>".encode()]

    def _describe(self, name: str, start: Start) -> Iterable[bytes]:
        if name not in self.stacks:
            return _error(start, "400 Bad Request", "ValidationError", f"Stack with id {name} does not exist")
        start("200 OK", [("Content-Type", "text/xml")])
        stack = (
            f"<member><StackName>{name}</StackName><StackStatus>{self.stacks[name]}</StackStatus>"
            "<CreationTime>2026-11-27T00:00:00Z</CreationTime></member>"
        )
        return [
            f"<DescribeStacksResponse><DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
            "</DescribeStacksResponse>".encode()
        ]

    @staticmethod
    def _deny(operation: str, start: Start, *, xml: bool) -> Iterable[bytes]:
        if not xml:
            told = {"__type": "AccessDeniedException", "message": f"not authorized: {operation}"}
            return _json(start, "400 Bad Request", told)
        return _error(start, "403 Forbidden", "AccessDenied", "no")


def _quota(name: str, value: float) -> dict[str, object]:
    code = f"L-{abs(hash(name)) % 16**8:08X}"
    return {"ServiceCode": "sagemaker", "QuotaCode": code, "QuotaName": name, "Value": value}


def _error(start: Start, status: str, code: str, message: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/xml")])
    told = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return [f"<ErrorResponse>{told}<RequestId>1</RequestId></ErrorResponse>".encode()]


def _json(start: Start, status: str, told: object) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
