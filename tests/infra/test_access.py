"""Who hands in documents may do all that the clients call, by the policy that is given out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import hybrid_ocr.clients
from infra.rules import Component

CLIENTS = Path(hybrid_ocr.clients.__file__).parent
FILES = ("async_client.py", "bus.py", "inbox.py", "job_table.py")
SERVICES: Final[Mapping[str, str]] = {"_client": "dynamodb", "_s3": "s3", "_events": "events"}
ACTIONS: Final[Mapping[str, str]] = {
    "s3:DownloadFile": "s3:GetObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
NO_CALLS = {"exceptions", "get_paginator", "paginate", "meta"}


def _calls(path: Path) -> Iterator[str]:
    """The actions of IAM behind each call of a module, by the attribute that holds the client."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator", value=ast.Attribute(attr=client)),
                args=[ast.Constant(value=str(operation))],
            ) if client in SERVICES:
                yield _action(client, operation)
            case ast.Call(func=ast.Attribute(attr=operation, value=ast.Attribute(attr=client))) if (
                client in SERVICES and operation not in NO_CALLS
            ):
                yield _action(client, operation)


def _action(client: str, operation: str) -> str:
    name = "".join(word.capitalize() for word in operation.split("_"))
    action = f"{SERVICES[client]}:{name}"
    return ACTIONS.get(action, action)


def test_a_producer_may_do_what_submit_status_jobs_result_and_redrive_call(component: Component) -> None:
    [policy] = [
        told
        for told in component.of("AWS::IAM::ManagedPolicy")
        if str(told.properties.get("Description")).startswith("Hands documents")
    ]
    allowed = {
        action
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    called = {action for name in FILES for action in _calls(CLIENTS / name)}

    assert {"dynamodb:GetItem", "dynamodb:Query", "s3:ListBucket", "events:PutEvents"} <= called
    assert called <= allowed
