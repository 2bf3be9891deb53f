"""Paginate: opens a document, counts its pages, cuts them into batches; later says what is still missing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lambdas.paginate.planner import Planner
from ocr_core.contracts.jobs import Plan, PlanRequest
from ocr_core.hosts.function import FunctionHost, FunctionSettings
from ocr_core.opening import DocumentOpener
from ocr_core.settings import load_settings
from ocr_core.storage.objects import Objects


class Settings(FunctionSettings):
    """The environment of this function."""

    work_bucket: str
    pages_per_batch: Annotated[int, Field(ge=1, le=100)] = 8


settings = load_settings(Settings)
host = FunctionHost("paginate")
planner = Planner(Objects(settings.work_bucket), DocumentOpener(), settings.pages_per_batch)


@host.task(PlanRequest)
def handler(request: PlanRequest) -> Plan:
    """The plan of a round."""
    return planner(request)
