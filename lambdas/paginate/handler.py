"""Paginate: opens a document, counts its pages, cuts them into batches; later says what is still missing."""

from __future__ import annotations

from lambdas.paginate.planner import Planner
from lambdas.paginate.settings import PaginateSettings
from ocr_core.contracts.jobs import Plan, PlanRequest
from ocr_core.hosts.function import FunctionHost
from ocr_core.opening import DocumentOpener
from ocr_core.settings import load_settings
from ocr_core.storage.objects import Objects

settings = load_settings(PaginateSettings)
host = FunctionHost("paginate")
opener = DocumentOpener().__enter__()  # its process gets ready before the first document comes
planner = Planner(Objects(settings.work_bucket), opener, settings.pages_per_batch)


@host.task(PlanRequest)
def handler(request: PlanRequest) -> Plan:
    """The plan of a round."""
    plan = planner(request)
    if request.round == 0:
        host.count("PagesPlanned", plan.expected_pages)
    else:
        host.count("PagesPlannedAgain", len(plan.batches))
    return plan
