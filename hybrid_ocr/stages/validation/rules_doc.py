"""docs/rules.md, written from the rules: `python -m hybrid_ocr.stages.validation.rules_doc [--check]`."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from hybrid_ocr.stages.validation.checks import RULES
from hybrid_ocr.stages.validation.rule_file import load_rules
from hybrid_ocr.stages.validation.rules import Policy, Rule, RuleSet

TARGET = Path(__file__).resolve().parents[3] / "docs" / "rules.md"

_HEAD = """# Validation rules

<!-- Written by `python -m hybrid_ocr.stages.validation.rules_doc`; a test holds it to the rules. -->

Every finding in `result.json` names one of these rules. Change them with a TOML file of your own that has
only what differs from [rules.toml](../hybrid_ocr/stages/validation/rules.toml): `enabled`, `severity`,
`verdict` or the settings of a rule, the `policy`, and `fields` that your documents should have.

The verdict of a document is the worst that follows from its findings. A document of which no page was read
is rejected.
"""

_FIELDS = """## Fields of your own

```toml
[[fields]]
name = "invoice_number"
pattern = '(?i)invoice\\s*(?:no|number|#)[:.\\s]*([A-Z0-9-]{4,})'
required = true
```

What the pattern captures stands in `result.json`, with its page, the line on which it starts, and that line's
confidence:

```json
"fields": {
 "invoice_number": {"value": "2024-0117", "page": 1, "line_id": "l7", "confidence": 0.98, "later": []}
}
```

The value is what the first group that took part in the match captured, without white at its ends, or the
whole match where the pattern has no group (`(?:...)` is none). A field has its first match in the document;
`later` has the first match of each later page that has one, whether it repeats the value or has another. A
field that is on no page is not there, and is a finding of `required_field_missing` or
`optional_field_missing`. Every field has a name of its own; where a value is written in several ways, one
pattern names them all: `A|B`.

Patterns are in [RE2 syntax](https://github.com/google/re2/wiki/Syntax), searched for in the text of each
page as `result.txt` has it: rows are lines, and three spaces stand for a wide gap. RE2 matches in time linear
in the text whatever the pattern, so neither a pattern nor a document can stall the check; it has no
back-references and no look-around. A pattern that is not RE2, or too large, is refused when the file is read
(`CONFIGURATION_INVALID`).
"""


def document(rules: RuleSet) -> str:
    """The page as Markdown."""
    policy = rules.policy
    verdicts = [f"| {name} | {getattr(policy, name)} |" for name in ("error", "warning", "info")]
    sections = [_section(name, rule, policy) for name, rule in rules.rules.items()]
    return "\n".join(
        [
            _HEAD,
            "| a finding of severity | by itself leads to |",
            "| --- | --- |",
            *verdicts,
            "",
            f"At most {policy.most_findings_of_a_rule} findings of one rule are listed; one more says how"
            " many were left out.",
            "",
            *sections,
            _FIELDS,
        ]
    )


def _section(name: str, rule: Rule, policy: Policy) -> str:
    verdict = policy.verdict_of(rule)
    lines = [f"## {name}", "", inspect.cleandoc(type(rule).__doc__ or ""), ""]
    lines.append(f"Severity **{rule.severity}**, verdict **{verdict}**{'' if rule.enabled else ', off'}.")
    settings = {key: field for key, field in type(rule).model_fields.items() if key not in Rule.model_fields}
    if settings:
        lines += ["", "| setting | default | meaning |", "| --- | --- | --- |"]
        lines += [
            f"| `{key}` | {getattr(rule, key)} | {field.description} |" for key, field in settings.items()
        ]
    return "\n".join([*lines, ""])


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say by the exit status whether it is as it should be."""
    rules = load_rules()
    missing = {*RULES} - {*rules.rules}
    if missing:
        print(f"rules.toml lacks {sorted(missing)}", file=sys.stderr)
        return 1
    wanted = document(rules)
    if "--check" in arguments:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == wanted else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
