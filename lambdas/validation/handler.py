"""Validation: what was read of a document becomes its result, its exports and its outcome."""

from __future__ import annotations

from hybrid_ocr.contracts.jobs import Outcome, ValidationTask
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.stages.validation.rule_file import load_rules
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from lambdas.validation.publish import ResultPublisher
from lambdas.validation.settings import ValidationSettings

settings = load_settings(ValidationSettings)
host = FunctionHost("validation")
publisher = ResultPublisher(
    work=Objects(settings.work_bucket),
    results=Objects(settings.results_bucket),
    bundles=Bundles(Objects(settings.artifacts_bucket)),
    rules=load_rules(settings.rules),
)


@host.task(ValidationTask)
def handler(task: ValidationTask) -> Outcome:
    """Keep the result of a document; say how it ended."""
    return publisher(task)
