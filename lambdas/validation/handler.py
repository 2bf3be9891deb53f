"""Validation: what was read of a document becomes its result, its exports and its event."""

from __future__ import annotations

from lambdas.validation.publish import Publisher
from lambdas.validation.rule_file import load_rules
from lambdas.validation.settings import ValidationSettings
from ocr_core.contracts.jobs import Outcome, ValidationTask
from ocr_core.hosts.function import FunctionHost
from ocr_core.settings import load_settings
from ocr_core.storage.bundles import Bundles
from ocr_core.storage.objects import Objects

settings = load_settings(ValidationSettings)
host = FunctionHost("validation")
publisher = Publisher(
    work=Objects(settings.work_bucket),
    results=Objects(settings.results_bucket),
    bundles=Bundles(Objects(settings.artifacts_bucket)),
    rules=load_rules(settings.rules),
)


@host.task(ValidationTask)
def handler(task: ValidationTask) -> Outcome:
    """Keep the result of a document; say which event to publish."""
    outcome = publisher(task)
    host.count("DocumentsEnded", outcome=outcome.detail_type, source=outcome.source)
    return outcome
