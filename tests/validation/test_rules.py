"""Each rule fires on its condition and stays silent otherwise; rules files are checked when they are read."""

from __future__ import annotations

import pytest

from hybrid_ocr.contracts.errors import ConfigurationError, ErrorCode, ErrorInfo
from hybrid_ocr.stages.validation import load_rules, validate
from hybrid_ocr.stages.validation.checks import RULES
from hybrid_ocr.stages.validation.rules_doc import TARGET
from hybrid_ocr.stages.validation.rules_doc import document as rules_page
from tests.validation.pages import column, document, failed, line, page, region

DEFAULT = load_rules()
GOOD = page(column("a", 100, 100, 5), [region("text", 90, 90, 700, 400)])
ERROR = ErrorInfo(code=ErrorCode.EMPTY_FILE, message="no bytes", retryable=False)


def changed(parts, **updates):
    return parts.model_copy(update=updates)


def page_with(text, confidence=0.98):
    return page([*column("a", 100, 100, 5), line(text, 100, 900, confidence=confidence, name="odd")])


CASES = {
    "document_unreadable": document(expected=0, error=ERROR),
    "document_empty": document(page(), page(number=2)),
    "page_lost": document(GOOD, expected=2),
    "page_unexpected": document(GOOD, GOOD, expected=1),
    "page_failed": document(GOOD, changed(page(number=2), page=failed(2), text=None, regions=None)),
    "regions_missing": document(changed(GOOD, regions=failed(1, "region_detection"))),
    "page_blank": document(GOOD, page(number=2)),
    "stages_disagree": document(changed(GOOD, text=page(column("a", 100, 100, 5), number=3).text)),
    "id_repeated": document(page([line("one", 1, 1, name="a"), line("two", 1, 99, name="a")])),
    "outside_page": document(page([line("far out", 1590, 100)])),
    "region_without_lines": document(page(column("a", 100, 100, 5), [region("text", 100, 1000, 800, 1600)])),
    "line_without_text": document(page_with("  ")),
    "low_confidence_line": document(page_with("blurred", 0.4)),
    "low_confidence_page": document(page([line("all of it is weak", 100, 100, confidence=0.75)])),
    "implausible_characters": document(page_with("#%&/(=?)+*#@!$")),
    "hidden_controls": document(page_with("invoice \u202efdp.exe")),
}


def fired(parts, rules=DEFAULT):
    return {finding.rule for finding in validate(parts, rules).findings}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_fires_on_its_condition_and_not_on_a_good_document(rule):
    assert rule in fired(CASES[rule])
    assert validate(document(GOOD), DEFAULT).findings == ()


def test_every_rule_has_a_case_here_and_a_default():
    fields = {"required_field_missing", "optional_field_missing"}
    assert {*CASES} | fields == {*RULES} == {*DEFAULT.rules}


def test_findings_name_their_line_and_region():
    by_rule = {f.rule: f for f in validate(CASES["low_confidence_line"], DEFAULT).findings}
    assert (by_rule["low_confidence_line"].page, by_rule["low_confidence_line"].line_id) == (1, "odd")
    by_rule = {f.rule: f for f in validate(CASES["region_without_lines"], DEFAULT).findings}
    assert by_rule["region_without_lines"].region_id == "r1"


@pytest.mark.parametrize(
    "text",
    [
        "--------------------",
        "* * * * * * * * *",
        "Total ............ 12.00",
        "+49 (0)30 / 1234-567",
        "10 kΩ and 5 μm",
        "Привет, мир",
        "日本語のテキスト",
        "naïve façade",
        "a-b",
        "E=mc²  100 %",
    ],
)
def test_usual_lines_are_plausible(text):
    assert "implausible_characters" not in {
        f.rule for f in validate(document(page_with(text)), DEFAULT).findings
    }


def test_a_word_in_two_alphabets_is_implausible():
    text = "pay" + "\u043c\u0435\u043d\u0442" + " now"
    assert "implausible_characters" in fired(document(page_with(text)))


def test_errors_come_first_and_a_flood_is_cut_short():
    weak = [line(f"weak {n}", 100, 30 * n, 300, 20, confidence=0.3, name=f"l{n}") for n in range(70)]
    lost = changed(page(number=2), page=failed(2), text=None, regions=None)
    findings = validate(document(page(weak), lost), DEFAULT).findings
    assert findings[0].rule == "page_failed"
    flood = [f for f in findings if f.rule == "low_confidence_line"]
    assert len(flood) == DEFAULT.policy.most_findings_of_a_rule + 1
    assert any("20 more" in f.message for f in flood)


def rules_from(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


def test_a_users_file_changes_only_what_it_names(tmp_path):
    rules = rules_from(
        tmp_path, "[rules.low_confidence_line]\nbelow = 0.3\n[rules.page_blank]\nseverity = 'warning'"
    )
    assert rules.rules["low_confidence_line"].severity == DEFAULT.rules["low_confidence_line"].severity
    assert "low_confidence_line" not in fired(CASES["low_confidence_line"], rules)
    assert validate(CASES["page_blank"], rules).verdict == "review"
    assert validate(CASES["page_blank"], DEFAULT).verdict == "accept"


def test_a_rule_can_be_turned_off(tmp_path):
    rules = rules_from(tmp_path, "[rules.page_lost]\nenabled = false")
    assert "page_lost" not in fired(CASES["page_lost"], rules)


def test_own_fields_are_looked_for_on_every_page(tmp_path):
    rules = rules_from(
        tmp_path,
        """
        [[fields]]
        name = "invoice_number"
        pattern = '(?i)invoice\\s*no[:.]?\\s*\\d+'
        [[fields]]
        name = "order"
        pattern = 'ORDER-\\d+'
        required = false
        """,
    )
    has_both = document(page([line("ORDER-7", 1, 1)]), page([line("Invoice No: 12", 1, 1)], number=2))
    assert validate(has_both, rules).findings == ()
    result = validate(document(page([line("nothing", 1, 1)])), rules)
    assert [(f.rule, f.severity) for f in result.findings] == [
        ("required_field_missing", "warning"),
        ("optional_field_missing", "info"),
    ]
    assert result.verdict == "review"


def fields_of(tmp_path, pattern, *pages):
    rules = rules_from(tmp_path, f"[[fields]]\nname = 'value'\npattern = '{pattern}'")
    result = validate(document(*pages), rules)
    assert ("value" in result.fields) == ("required_field_missing" not in {f.rule for f in result.findings})
    return result.fields.get("value")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"Invoice No: (\d+)", "2074"),
        (r"Invoice No: \d+", "Invoice No: 2074"),
        (r"(?:Invoice|Bill) No:( .*)", "2074"),
        (r"Order (\d+)|No: (\d+)", "2074"),
        (r"(Order)?No: \d+", "No: 2074"),
        (r"(?s)No: (\d+.*Größe)", "2074\nGröße"),
        (r"No: (X?)", None),
        (r"Order \d+", None),
    ],
)
def test_a_field_has_what_its_pattern_captures(tmp_path, pattern, value):
    lines = [
        line("Ä 日本 \U0001f600", 100, 100, name="before"),
        line("Invoice No: 2074", 100, 140, name="l7"),
    ]
    found = fields_of(tmp_path, pattern, page([*lines, line("Größe", 100, 180, confidence=0.5, name="l8")]))
    assert (found and found.value) == value
    assert not found or (found.page, found.line_id, found.later) == (1, "l7", ())


def test_a_field_stands_on_the_line_on_which_its_value_starts(tmp_path):
    label, value = line("Total", 100, 100, 120, name="label"), line("12.50", 900, 100, 90, name="value")
    found = fields_of(
        tmp_path, r"Total\s+([\d.]+)", page([label, value.model_copy(update={"confidence": 0.81})])
    )
    assert (found.value, found.line_id, found.confidence) == ("12.50", "value", 0.81)


def test_a_field_on_several_pages_tells_of_each(tmp_path):
    texts = ["No 1 and No 9", "nothing", "No 1", "No 2"]
    pages = [page([line(text, 100, 100, name=f"l{n}")], number=n) for n, text in enumerate(texts, 1)]
    found = fields_of(tmp_path, r"No (\d)", *pages)
    assert (found.value, found.page, found.line_id) == ("1", 1, "l1")
    assert [(match.value, match.page, match.line_id) for match in found.later] == [
        ("1", 3, "l3"),
        ("2", 4, "l4"),
    ]


def test_a_field_that_is_nowhere_is_a_finding_and_no_field(tmp_path):
    assert fields_of(tmp_path, "absent", GOOD) is None


def test_a_pattern_that_would_stall_a_backtracking_engine_is_harmless(tmp_path):
    rules = rules_from(tmp_path, "[[fields]]\nname = 'x'\npattern = '^(a+)+$'")
    parts = document(page([line("a" * 50_000 + "b", 1, 1)]))
    assert "required_field_missing" in fired(parts, rules)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[[fields]]\nname = 'x'\npattern = '(a)\\1'", "pattern"),
        ("[[fields]]\nname = 'x'\npattern = '((a{900}){900}){900}'", "pattern"),
        ("[[fields]]\nname = 'X y'\npattern = 'a'", "name"),
        (
            "[[fields]]\nname = 'x'\npattern = 'a'\n[[fields]]\nname = 'x'\npattern = 'b'",
            "two are called 'x'",
        ),
        ("[rules.nonsense]\nseverity = 'info'", "nonsense"),
        ("[rules.page_lost]\nbelow = 1", "below"),
        ("[rules.page_lost]\nseverity = 'fatal'", "severity"),
        ("[rules.low_confidence_line]\nbelow = nan", "below"),
        ("[nonsense]\n", "nonsense"),
        ("rules = 3", "table"),
        ("not toml", "rules"),
    ],
)
def test_a_wrong_rules_file_is_refused_by_name(tmp_path, text, names):
    with pytest.raises(ConfigurationError, match=names):
        rules_from(tmp_path, text)


def test_a_missing_rules_file_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError):
        load_rules(tmp_path / "none.toml")


def test_the_page_about_rules_is_as_generated():
    assert TARGET.read_text(encoding="utf-8") == rules_page(DEFAULT), (
        "docs/rules.md is stale: run `python -m hybrid_ocr.stages.validation.rules_doc`"
    )
