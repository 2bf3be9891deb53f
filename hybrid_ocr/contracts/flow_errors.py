"""The three names under which the flow file knows an error of ours: how often a task is tried again.

A function raises one of these, and Lambda reports the name of its class; a callback sends the same name with
SendTaskFailure. So both are retried alike.
"""

from __future__ import annotations

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo


class FlowError(Exception):
    """A task of the flow failed; the text is an ErrorInfo as JSON."""

    @property
    def name(self) -> str:
        """What Retry and Catch compare with."""
        return type(self).__name__


class PermanentError(FlowError):
    """No retry helps."""


class TransientError(FlowError):
    """A retry can help: tried again, patiently."""


class EngineError(FlowError):
    """A network failed: tried again, but not often, since the page may do it every time.

    `hybrid_ocr.contracts.errors.EngineError` has the same name on purpose: where it ends a function that
    loads, Lambda reports it by that name, and no code of ours is asked.
    """


def flow_error(error: ErrorInfo) -> FlowError:
    """What an error is to the flow."""
    if error.code is ErrorCode.ENGINE_FAILED:
        kind: type[FlowError] = EngineError
    else:
        kind = TransientError if error.retryable else PermanentError
    return kind(error.model_dump_json())
