"""Paginate: opens a document, counts its pages, cuts them into batches; later says what is still missing."""

from __future__ import annotations

from hybrid_ocr.contracts.jobs import Plan, PlanRequest
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.objects import Objects
from lambdas.paginate.planner import Planner
from lambdas.paginate.settings import PaginateSettings

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
