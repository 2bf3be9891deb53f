"""The report as a person uses it: a local file in a real browser. Needs Debian's chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_ocr.stages.validation import load_rules, validate
from hybrid_ocr.stages.validation.exports import write_exports
from tests.validation.browser import CHROMIUM, Browser
from tests.validation.pages import document, failed, line, page, picture, region

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")

FOCUSED = "document.activeElement.dataset.k ?? ''"
COPY = """new Promise((done) => {
  const announcement = document.querySelector("#announcement");
  new MutationObserver(() => done(announcement.textContent)).observe(announcement, { childList: true });
  document.querySelector("#copy").click();
})"""
CLICK = "document.querySelector({!r}).click()"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages, the second lost; weak lines on the others."""
    first = page(
        [
            line("Rechnung Größe <b> & 日本", 100, 100, name="a"),
            line("blurred", 100, 200, confidence=0.3, name="b"),
            line("also blurred", 100, 300, confidence=0.4, name="c"),
        ],
        [region("text", 90, 90, 900, 400)],
    )
    lost = page(number=2).model_copy(update={"page": failed(2), "regions": None, "text": None})
    last = page([line("the end", 100, 100, confidence=0.5, name="d")], number=3)
    result = validate(
        document(first, lost, last, source="s3://inbox/submitted/0/My scan #1.pdf"), load_rules()
    )
    folder = tmp_path_factory.mktemp("report")
    write_exports(result, lambda number: (picture(), "jpeg"), folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def test_the_text_is_copied_as_it_stands_in_result_txt(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    announced = browser.evaluate(COPY)
    assert announced == "The text was copied."
    copied = browser.evaluate("navigator.clipboard.readText()")
    assert copied == report.with_name("result.txt").read_text(encoding="utf-8")


def test_the_text_is_saved_under_the_documents_name(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.call(
        "Browser.setDownloadBehavior",
        behavior="allow",
        downloadPath=str(browser.downloads),
        eventsEnabled=True,
    )
    browser.evaluate(CLICK.format("#save"))
    while browser.event("Browser.downloadProgress")["state"] != "completed":
        pass
    saved = browser.downloads / "My scan #1.txt"
    assert saved.read_bytes() == report.with_name("result.txt").read_bytes()


def test_keys_and_buttons_lead_from_weak_line_to_weak_line_and_round(browser: Browser, report: Path) -> None:
    browser.open(report)
    visited = []
    for _ in range(4):
        browser.press("ArrowDown", alt=True)
        visited.append(browser.evaluate(FOCUSED))
    assert visited == ["1-b", "1-c", "3-d", "1-b"]
    assert browser.evaluate("document.querySelector('#step span').textContent") == "1 of 3 weak lines"
    assert browser.evaluate("document.querySelector('polygon.chosen').dataset.k") == "1-b"
    browser.press("ArrowUp", alt=True)
    assert browser.evaluate(FOCUSED) == "3-d"
    browser.press("ArrowUp", alt=True)
    browser.press("ArrowUp")  # without Alt, the line above, weak or not
    browser.press("ArrowUp")
    assert browser.evaluate(FOCUSED) == "1-a"
    browser.evaluate(CLICK.format('[data-step="1"]'))
    assert browser.evaluate(FOCUSED) == "1-b"
    browser.evaluate(CLICK.format('[data-step="-1"]'))
    assert browser.evaluate(FOCUSED) == "3-d"


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_window_and_everything_has_a_name(
    browser: Browser, report: Path, width: int, dark: bool
) -> None:
    browser.open(report, width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if node.get("role", {}).get("value") in {"button", "link", "checkbox", "textbox"}
    ]
    assert len(controls) > 15
    assert all(node["name"]["value"].strip() for node in controls)


def test_the_tab_key_reaches_every_control_and_one_line_of_each_page(browser: Browser, report: Path) -> None:
    browser.open(report)
    reached = []
    for _ in range(60):
        browser.press("Tab")
        reached.append(browser.evaluate("document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "t-3-d":
            break
    assert {"copy", "save", "show-lines", "fit", "copy-page", "t-1-a", "t-3-d"} <= {*reached}
    assert "t-1-b" not in reached
