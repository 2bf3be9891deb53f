"""What is written beside result.json, read back by independent readers."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree as ET

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.stages.validation import load_rules, validate
from hybrid_ocr.stages.validation.exports import write_exports
from hybrid_ocr.stages.validation.exports.markdown import escape, write_markdown
from hybrid_ocr.stages.validation.exports.pdf import write_pdf
from hybrid_ocr.stages.validation.exports.words import words_of
from tests.validation.pages import HEIGHT, WIDTH, column, document, failed, line, page, picture, region

RULES = load_rules()
FILES = {"result.json", "result.txt", "result.md", "result.hocr", "result.pdf"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE --",
    "]]>",
    "{{ 7*7 }}",
    "\u202egnp.exe \x1b[31m \x00 \ufffe",
    "</style></script>",
    "--> <!--",
    "[x](javascript:alert(1))",
    "&lt;b&gt;",
]


def result_of(*pages, **more):
    return validate(document(*pages, **more), RULES)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A read page, one without OCR, one that never opened, and hostile text in every place that has text."""
    lines = [line(text, 100, 100 + 60 * n, name=f"l{n}") for n, text in enumerate(HOSTILE)]
    first = page(lines, [region("title", 90, 90, 700, 140), region("table", 90, 150, 700, 800, name="t")])
    no_text = page(number=2).model_copy(update={"text": failed(2, "ocr", ErrorCode.STAGE_TIMEOUT)})
    lost = page(number=3).model_copy(update={"page": failed(3), "regions": None, "text": None})
    result = result_of(first, no_text, lost, source=HOSTILE[1] + HOSTILE[5])
    folder = tmp_path_factory.mktemp("mixed")
    written = write_exports(result, lambda number: (picture(), "jpeg"), folder)
    return result, folder, written


def test_the_folder_holds_every_form_and_no_leftovers(mixed):
    result, folder, written = mixed
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in written} == FILES | {"report.html"}
    assert DocumentResult.model_validate_json((folder / "result.json").read_bytes()) == result


def test_text_has_no_control_codes_but_page_breaks(mixed):
    _, folder, _ = mixed
    text = (folder / "result.txt").read_text(encoding="utf-8")
    assert set(re.findall("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)) == {"\n", "\f"}
    assert text.count("\f") == 2


def test_the_same_document_gives_the_same_bytes(mixed, tmp_path):
    result, _, written = mixed
    write_exports(result, lambda number: (picture(), "jpeg"), tmp_path)
    for path in written:
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_text_survives_a_picture_that_does_not_decode(tmp_path):
    result = result_of(page([line("words", 100, 100)]))
    with pytest.raises(DocumentError):
        write_exports(result, lambda number: (b"no image", "jpeg"), tmp_path)
    assert (tmp_path / "result.txt").read_text(encoding="utf-8") == "words\n"
    assert not (tmp_path / "result.pdf").exists()


# Searchable PDF


def pdf_of(result, image=None, dpi=None):
    sink = BytesIO()
    write_pdf(result, lambda number: image or (picture(), "jpeg"), sink, dpi)
    return sink.getvalue()


def place_of(pdf, page_number, text):
    """Box of a found text: left, top, right, bottom in pixels at 200 dpi."""
    sheet = pypdfium2.PdfDocument(pdf)[page_number]
    words = sheet.get_textpage()
    start, count = words.search(text, match_case=True).get_next()
    boxes = [words.get_charbox(n, loose=True) for n in range(start, start + count)]
    height = sheet.get_height()
    left, bottom = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, top = max(b[2] for b in boxes), max(b[3] for b in boxes)
    return [value * 200 / 72 for value in (left, height - top, right, height - bottom)]


@pytest.mark.parametrize("text", ["Grüße", "naïve", "Здравствуйте", "日本語テキスト", "한국어", "ελληνικά"])
def test_words_of_any_script_are_found_where_they_stand(text):
    pdf = pdf_of(result_of(page([line("first line of all", 100, 100), line(text, 400, 700, 300, 40)])))
    left, top, right, bottom = place_of(pdf, 0, text)
    assert (left, top, right, bottom) == pytest.approx((400, 700, 700, 740), abs=6)


def test_characters_beyond_the_basic_plane_are_copied_out_whole():
    text = "\U00020000\U0001f600"
    pdf = pypdfium2.PdfDocument(pdf_of(result_of(page([line(text, 400, 700, 300, 40)]))))
    assert pdf[0].get_textpage().get_text_bounded().strip() == text


def test_a_word_within_a_line_is_found_about_where_it_stands():
    pdf = pdf_of(result_of(page([line("alpha bravo delta", 100, 500, 1000, 40)])))
    left, _, right, _ = place_of(pdf, 0, "bravo")
    assert 400 < left < 480
    assert 720 < right < 800


def test_a_slanted_line_carries_its_text_along():
    slanted = line("slanted words", 0, 0).model_copy(
        update={"polygon": ((100, 900), (800, 800), (806, 840), (106, 940))}
    )
    left, top, right, bottom = place_of(pdf_of(result_of(page([slanted]))), 0, "slanted words")
    assert (left, right) == pytest.approx((100, 806), abs=12)
    assert 780 < top < 830
    assert 910 < bottom < 960


def test_jpeg_bytes_go_in_untouched_and_nothing_is_drawn_by_the_text():
    data = picture()
    pdf = pdf_of(result_of(page([line("words", 100, 100)])), (data, "jpeg"))
    assert data in pdf
    rendered = pypdfium2.PdfDocument(pdf)[0].render(scale=0.5).to_pil().convert("L")
    assert rendered.getextrema() == (255, 255)


PICTURES = [
    *[(encoding, mode) for encoding in ("jpeg", "png", "webp", "tiff") for mode in ("L", "RGB")],
    *[("png", mode) for mode in ("1", "P", "RGBA", "I;16")],
    *[("tiff", mode) for mode in ("1", "P", "RGBA", "I;16", "CMYK")],
    ("jpeg", "CMYK"),
    ("webp", "RGBA"),
]


@pytest.mark.parametrize(("encoding", "mode"), PICTURES)
def test_every_picture_shows_as_it_is(encoding, mode):
    source = Image.new("RGB", (200, 100), (250, 250, 250))
    source.paste((20, 20, 20), (0, 0, 100, 100))
    image = source.convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 257).convert("I;16")
    buffer = BytesIO()
    image.save(buffer, encoding)
    pdf = pdf_of(result_of(page([line("w", 1, 1, 5, 5)], size=(200, 100))), (buffer.getvalue(), encoding))
    shown = pypdfium2.PdfDocument(pdf)[0].render(scale=200 / 72).to_pil().convert("L")
    assert shown.getpixel((50, 50)) < 60
    assert shown.getpixel((150, 50)) > 200


def test_page_size_follows_the_resolution_and_stays_in_bounds():
    result = result_of(
        page([line("w", 1, 1)]), page([line("w", 1, 1)], number=2), page(number=3, size=(100_000, 50))
    )
    pdf = pypdfium2.PdfDocument(pdf_of(result, dpi={2: 300.0}))
    assert pdf[0].get_size() == pytest.approx((WIDTH * 72 / 200, HEIGHT * 72 / 200), abs=0.1)
    assert pdf[1].get_size() == pytest.approx((WIDTH * 72 / 300, HEIGHT * 72 / 300), abs=0.1)
    assert max(pdf[2].get_size()) == pytest.approx(14_400)


def test_a_lost_page_keeps_its_place_and_the_file_is_sound(mixed):
    _, folder, _ = mixed
    with pikepdf.open(folder / "result.pdf") as pdf:
        assert len(pdf.pages) == 3
        assert pdf.check_pdf_syntax() == []
    text = pypdfium2.PdfDocument(folder / "result.pdf")[0].get_textpage().get_text_bounded()
    assert "<script>alert(1)</script>" in text


def test_words_lie_in_their_line_from_left_to_right():
    words = words_of("  one two  three ", ((0, 0), (100, 0), (100, 10), (0, 10)))
    assert [word.text for word in words] == ["one", "two", "three"]
    edges = [x for word in words for x in (word.polygon[0][0], word.polygon[1][0])]
    assert edges == sorted(edges)
    assert edges[0] > 0
    assert edges[-1] < 100


# hOCR


def test_hocr_is_xml_with_every_word_in_its_box(mixed):
    result, folder, _ = mixed
    body = (folder / "result.hocr").read_bytes()
    tree = ET.fromstring(body)  # noqa: S314
    by_class = {}
    for element in tree.iter():
        by_class.setdefault(element.get("class"), []).append(element)
    assert len(by_class["ocr_page"]) == 3
    lines = by_class["ocr_line"]
    assert len(lines) == len(result.pages[0].lines)
    assert "".join("".join(e.itertext()) for e in lines).count("<script>alert(1)</script>") == 1
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    for element in (*by_class["ocrx_word"], *lines, *by_class["ocr_carea"], *by_class["ocr_par"]):
        left, top, right, bottom = map(
            int, re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", element.get("title")).groups()
        )
        assert 0 <= left <= right <= WIDTH
        assert 0 <= top <= bottom <= HEIGHT
    assert all(re.search(r"x_wconf \d+$", e.get("title")) for e in by_class["ocrx_word"])


# Markdown


def test_markdown_has_headings_captions_lists_and_tables():
    cells = [
        line(f"{row}{c}", 100 + 300 * n, 300 + 50 * row, 120) for row in range(3) for n, c in enumerate("xyz")
    ]
    lines = [
        line("The title", 100, 100, 600, 50),
        *cells,
        line("Figure 1. A thing", 100, 600, 700),
        line("\u2022 first", 100, 800),
        line("\u2022 second", 100, 840),
        line("12", 800, 2100, 40),
    ]
    regions = [
        region("title", 90, 90, 800, 160),
        region("table", 90, 290, 900, 450, name="t"),
        region("figure_caption", 90, 590, 900, 640, name="c"),
        region("footer", 700, 2090, 900, 2140, name="f"),
    ]
    text = "".join(write_markdown(result_of(page(lines, regions))))
    assert "# The title\n" in text
    assert "| 0x | 0y | 0z |\n| --- | --- | --- |\n| 1x | 1y | 1z |" in text
    assert "*Figure 1. A thing*" in text
    assert "- first\n- second" in text
    assert "> 12" in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<b>bold</b>", "&lt;b>bold&lt;/b>"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list", "\\- no list"),
        ("a*b_c`d", "a\\*b\\_c\\`d"),
        ("[x](y)", "\\[x\\](y)"),
        ("&amp;", "&amp;amp;"),
        ("R&D", "R&D"),
        ("a | b", "a \\| b"),
        ("-12.50", "-12.50"),
        ("---", "--\\-"),
    ],
)
def test_markdown_shows_text_as_it_is(text, written):
    assert escape(text) == written


# Report


class Elements(HTMLParser):
    """Start tags with their attributes, and the text between."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def report(mixed):
    html = (mixed[1] / "report.html").read_text(encoding="utf-8")
    parsed = Elements()
    parsed.feed(html)
    return html, parsed


def test_the_report_asks_for_nothing_and_runs_only_its_own_script(report):
    html, parsed = report
    for _, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        link = attributes.get("href") or "#"
        assert link.startswith("#") or link in FILES
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    policy = next(a["content"] for _, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        content = re.search(f"<{kind}>(.*?)</{kind}>", html, re.DOTALL)[1]
        assert f"{kind}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy


def test_the_report_shows_hostile_text_as_text(report):
    html, parsed = report
    for text in HOSTILE[:5]:
        assert text in parsed.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


def test_every_line_and_finding_of_the_report_leads_to_its_place(mixed, report):
    result, parsed = mixed[0], report[1]
    ids = [a["id"] for _, a in parsed.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.tags:
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    shapes = [a["data-k"] for tag, a in parsed.tags if tag == "polygon"]
    words = [a["data-k"] for tag, a in parsed.tags if tag == "a" and "data-k" in a]
    assert sorted(shapes) == sorted(words) == sorted(f"1-{item.id}" for item in result.pages[0].lines)
    assert report[0].index('id="findings-title"') < report[0].index('id="page-1"')


def test_lines_are_graded_by_the_bounds_of_the_rules(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[rules.low_confidence_line]\nbelow = 0.5\nsure_from = 0.6", encoding="utf-8")
    lines = [
        line(name, 100, 100 * n, confidence=c, name=name)
        for n, (name, c) in enumerate({"weak": 0.4, "fair": 0.55, "sure": 0.65}.items())
    ]
    rules = load_rules(own)
    write_exports(
        validate(document(page(lines)), rules), lambda n: (picture(), "jpeg"), tmp_path / "out", rules=rules
    )
    parsed = Elements()
    parsed.feed((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    grades = {a["data-k"]: a["class"] for tag, a in parsed.tags if tag == "polygon"}
    assert grades == {"1-weak": "l weak", "1-fair": "l fair", "1-sure": "l sure"}


def test_a_report_of_many_pages_has_smaller_pictures(tmp_path):
    few, many = ([page([line("w", 100, 100)], number=n + 1) for n in range(count)] for count in (1, 45))
    sizes = []
    for name, pages in (("few", few), ("many", many)):
        write_exports(result_of(*pages), lambda number: (picture(700, 1000), "jpeg"), tmp_path / name)
        sizes.append((tmp_path / name / "report.html").read_text(encoding="utf-8"))
    assert 'height="1000"' in sizes[0]
    assert 'height="900"' in sizes[1]


def test_a_document_that_never_opened_has_a_report(tmp_path):
    error = ErrorInfo(code=ErrorCode.ENCRYPTED_DOCUMENT, message="asks for a password", retryable=False)
    write_exports(result_of(expected=0, error=error), lambda number: None, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "ENCRYPTED_DOCUMENT" in html
    assert "asks for a password" in html


def report_of(result, folder, image=None):
    write_exports(result, lambda number: image, folder)
    parsed = Elements()
    parsed.feed((folder / "report.html").read_text(encoding="utf-8"))
    return parsed


def facts_of(folder):
    """What the report tells numbers of, in its head."""
    return re.findall("<dt>([^<]*)</dt>", (folder / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("opened", [False, True])
def test_a_report_without_text_offers_nothing_that_needs_text(tmp_path, opened):
    lost = page().model_copy(update={"text": failed(1, "ocr", ErrorCode.STAGE_TIMEOUT)})
    if not opened:
        lost = lost.model_copy(update={"page": failed(1), "regions": None, "text": None})
    parsed = report_of(result_of(lost), tmp_path, (picture(), "jpeg") if opened else None)
    assert [a["src"][:10] for tag, a in parsed.tags if tag == "img"] == ["data:image"] * opened
    assert not {tag for tag, _ in parsed.tags} & {"button", "template"}
    assert not [a for _, a in parsed.tags if a.get("class") == "legend"]
    assert [a["href"] for tag, a in parsed.tags if tag == "a" and "download" in a] == ["result.json"]
    assert facts_of(tmp_path) == ["Pages"]


def test_the_report_links_to_the_files_that_are_written_beside_it(tmp_path):
    write_exports(
        result_of(page([line("words", 100, 100)])),
        lambda number: (picture(), "jpeg"),
        tmp_path,
        files=["report.html", "result.txt", "result.pdf"],
    )
    parsed = Elements()
    parsed.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    links = [a["href"] for tag, a in parsed.tags if tag == "a" and "download" in a]
    assert links == ["result.txt", "result.pdf"]
    assert all((tmp_path / link).is_file() for link in links)


def test_a_page_whose_picture_and_text_were_lost_shows_no_empty_frame(tmp_path):
    lost = page(regions=[region("text", 1, 1, 90, 90)]).model_copy(
        update={"text": failed(1, "ocr", ErrorCode.STAGE_TIMEOUT)}
    )
    parsed = report_of(result_of(lost), tmp_path)
    assert not {tag for tag, _ in parsed.tags} & {"figure", "img", "svg"}
    assert "OCR: STAGE_TIMEOUT" in parsed.text


def test_stages_go_by_their_names_in_the_report(tmp_path):
    parts = document(page([line("words", 100, 100)]))
    parts = parts.model_copy(update={"timings": {"text_detection": 1.0, "ocr": 2.0}})
    report_of(validate(parts, RULES), tmp_path)
    assert facts_of(tmp_path) == ["Pages", "Lines", "Confidence", "text detection", "OCR"]


def test_a_document_goes_by_its_file_name_in_every_form(tmp_path):
    source = "s3://the-inbox/submitted/299f05bbb5794cee/Größe “1”.pdf"
    parsed = report_of(result_of(page([line("words", 100, 100)]), source=source), tmp_path)
    assert parsed.text.count("Größe “1”.pdf") == 2  # title and heading
    tree = ET.parse(tmp_path / "result.hocr")  # noqa: S314
    assert next(e.text for e in tree.iter() if e.tag.endswith("title")) == "Größe “1”.pdf"
    for name in ("report.html", "result.hocr"):
        assert "s3://" not in (tmp_path / name).read_text(encoding="utf-8")
    with pikepdf.open(tmp_path / "result.pdf") as pdf:
        assert str(pdf.docinfo["/Title"]) == "Größe “1”.pdf"


def test_a_name_that_is_not_utf8_is_written_in_every_form(tmp_path):
    result = result_of(page([line("words", 100, 100)]), source="/scans/r\udce9sum\udce9.pdf")
    parsed = report_of(result, tmp_path)
    assert "r\ufffdsum\ufffd.pdf" in parsed.text
    assert DocumentResult.model_validate_json((tmp_path / "result.json").read_bytes()) == result
    with pikepdf.open(tmp_path / "result.pdf") as pdf:
        assert str(pdf.docinfo["/Title"]) == "r\ufffdsum\ufffd.pdf"


def test_the_report_shows_fields_and_where_they_stand(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[[fields]]\nname = 'total'\npattern = 'Total (.*)'", encoding="utf-8")
    pages = [page([line(f"Total <{n}>", 100, 100, name=f"l{n}")], number=n) for n in range(1, 13)]
    parsed = report_of(validate(document(*pages), load_rules(own)), tmp_path / "out")
    assert {"#t-1-l1", "#t-2-l2", "#t-9-l9"} <= {a.get("href") for _, a in parsed.tags}
    assert "<1>" in parsed.text
    assert "and 3 more pages" in parsed.text


def test_two_column_text_is_written_in_order(tmp_path):
    body = column("a", 100, 100, 20, 660) + column("b", 840, 100, 20, 660)
    write_exports(result_of(page(body)), lambda number: (picture(), "jpeg"), tmp_path)
    starts = [
        row.split()[0] for row in (tmp_path / "result.txt").read_text(encoding="utf-8").splitlines() if row
    ]
    assert starts == [f"a{n}" for n in range(20)] + [f"b{n}" for n in range(20)]
