"""The errors of SageMaker Runtime, in the form in which its API answers them (rest-json)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Response


@dataclass
class ServiceError(Exception):
    """An error that a caller gets.

    Args:
        code: its name in the API model.
        status: of the HTTP answer.
        message: what went wrong.
        members: further members of its shape.
    """

    code: str
    status: int
    message: str
    members: dict[str, Any] = field(default_factory=dict)

    def response(self) -> Response:
        """The HTTP answer that boto3 turns into an exception of this name."""
        body = json.dumps({"Message": self.message, **self.members})
        headers = {"x-amzn-ErrorType": self.code}
        return Response(body, self.status, headers, mimetype="application/json")


def validation_error(message: str) -> ServiceError:
    """The call itself is wrong."""
    return ServiceError("ValidationError", 400, message)
