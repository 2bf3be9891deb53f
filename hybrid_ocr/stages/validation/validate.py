"""From the answers of the stages for a document to its result: pure, no model, no clock."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from hybrid_ocr.contracts.messages import FailedPage, PageRegions, PageText
from hybrid_ocr.contracts.result import (
    DocumentParts,
    DocumentResult,
    DocumentStatus,
    Finding,
    PageParts,
    ResultPage,
    Severity,
    Verdict,
)
from hybrid_ocr.stages.validation.assemble import assemble_page
from hybrid_ocr.stages.validation.rules import Rule, RuleInput, RuleSet
from hybrid_ocr.stages.validation.text import document_text

_SEVERITIES: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}
_VERDICTS: dict[Verdict, int] = {"accept": 0, "review": 1, "reject": 2}


def validate(parts: DocumentParts, rules: RuleSet) -> DocumentResult:
    """Assemble pages, put lines in reading order, apply the rules.

    The result does not depend on the order in which pages, regions or lines arrive. Findings are sorted:
    errors first, then by page. A document of which no page was read is rejected, whatever the rules say.
    """
    numbers = Counter(part.page.number for part in parts.pages)
    best: dict[int, PageParts] = {}
    for part in parts.pages:
        kept = best.setdefault(part.page.number, part)
        best[part.page.number] = part if kept is part else max(kept, part, key=_preference)
    parts = parts.model_copy(update={"pages": tuple(best[number] for number in sorted(best))})
    pages = tuple(assemble_page(part) for part in parts.pages)
    repeated = tuple(sorted(number for number, count in numbers.items() if count > 1))
    document = RuleInput(parts, pages, repeated, rules.fields)
    findings, verdict = _judge(document, rules)
    status = _status(parts, pages)
    return DocumentResult(
        job_id=parts.job_id,
        source=parts.source,
        status=status,
        verdict="reject" if status == "failed" else verdict,
        pages=pages,
        text=document_text(pages),
        findings=findings,
        fields=dict(document.found_fields),
        bundle=parts.bundle,
        models=parts.models,
        timings=parts.timings,
    )


def _judge(document: RuleInput, rules: RuleSet) -> tuple[tuple[Finding, ...], Verdict]:
    findings: list[Finding] = []
    verdict: Verdict = "accept"
    for name, rule in rules.rules.items():
        found = _findings(name, rule, document, rules.policy.most_findings_of_a_rule) if rule.enabled else []
        if found:
            verdict = max(verdict, rules.policy.verdict_of(rule), key=_VERDICTS.__getitem__)
        findings += found
    findings.sort(key=lambda finding: (_SEVERITIES[finding.severity], finding.page or 0))
    return tuple(findings), verdict


def _findings(name: str, rule: Rule, document: RuleInput, most: int) -> list[Finding]:
    violations = rule.check(document)
    found = [
        Finding(
            rule=name,
            severity=rule.severity,
            page=violation.page,
            region_id=violation.region_id,
            line_id=violation.line_id,
            message=violation.message,
        )
        for violation in islice(violations, most)
    ]
    rest = sum(1 for _ in violations)
    if rest:
        found.append(Finding(rule=name, severity=rule.severity, message=f"and {rest} more of this kind"))
    return found


def _status(parts: DocumentParts, pages: tuple[ResultPage, ...]) -> DocumentStatus:
    if parts.error is not None or all(page.status == "failed" for page in pages):
        return "failed"
    whole = all(page.status == "ok" for page in pages) and len(pages) == parts.expected_pages
    return "completed" if whole else "partial"


def _preference(part: PageParts) -> tuple[bool, bool, bool, str]:
    """Greatest for the best of several answers for one page; the dump decides between equals."""
    opened = not isinstance(part.page, FailedPage)
    return (
        opened,
        isinstance(part.text, PageText),
        isinstance(part.regions, PageRegions),
        part.model_dump_json(),
    )
