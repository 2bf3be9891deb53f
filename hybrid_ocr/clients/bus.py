"""The event bus of a deployment: what a client asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hybrid_ocr.clients.connection import Connection
from hybrid_ocr.clients.retry import Deadline, retry_while_busy
from hybrid_ocr.contracts.errors import CapacityError
from hybrid_ocr.contracts.events import TEST_SOURCE, DocumentSubmitted, JobRedriven

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE: Final = "hybrid-ocr.client"
"""The EventBridge source of what a client asks for; that of a test is TEST_SOURCE."""
BUS: Final = "documents"
PUBLISHES_WITHIN: Final = 30.0
"""Seconds."""


class Bus:
    """Publishes events, again while the bus is busy."""

    def __init__(self, connection: Connection) -> None:
        self._events: EventBridgeClient = connection.client("events")
        self._name = connection.names.bus(BUS)

    def publish(self, event: DocumentSubmitted | JobRedriven, *, test: bool) -> None:
        """Publish an event; that of a test reaches no production rule.

        Raises:
            CapacityError: the bus takes none.
        """
        entry: Any = {
            "Source": TEST_SOURCE if test else SOURCE,
            "DetailType": type(event).__name__,
            "Detail": event.model_dump_json(),
            "EventBusName": self._name,
        }

        def put() -> None:
            answer = self._events.put_events(Entries=[entry])
            if answer["FailedEntryCount"]:
                [failed] = answer["Entries"]
                code, message = failed.get("ErrorCode"), failed.get("ErrorMessage")
                raise CapacityError(f"the bus took no event: {code} {message}")

        retry_while_busy(put, Deadline.after(PUBLISHES_WITHIN))
