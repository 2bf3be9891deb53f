"""`hybrid-ocr scale`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaling import load_policies
from autoscaling.scenario import DEFAULT_HOSTING, Hosting
from hybrid_ocr.cli import app
from hybrid_ocr.commands.scale_output import hosting_changes
from tests.conftest import ROOT

POLICIES = ROOT / "autoscaling/policies.toml"
QUIET = """[quiet]
about = "an hour and a half"
start = 2026-11-16T08:00:00Z
days = 0.06
pages_per_document = 3
seed = 1
parts = [{ kind = "poisson", documents_per_hour = 600 }, { kind = "backlog", at_hour = 0.5, documents = 40 }]
"""


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "quiet.toml"
    path.write_text(QUIET)
    return str(path)


def scale(*words: str):
    return CliRunner().invoke(app, ["scale", *words])


def test_simulate_tells_latency_instances_and_money(trace: str) -> None:
    result = scale("simulate", "--trace", trace, "--deadline", "10m")
    assert result.exit_code == 0, result.output
    for fact in ("p95 latency", "cold start", "later than 10.0 min", "ocr hours", "dollars per 1,000 pages"):
        assert fact in result.stdout
    assert "estimates" in result.stderr


def test_two_policies_are_drawn_side_by_side(trace: str, tmp_path: Path) -> None:
    other, page = tmp_path / "<other>.toml", tmp_path / "out.html"
    other.write_text(POLICIES.read_text().replace("target = 3,", "target = 60,"))
    result = scale("simulate", "--trace", trace, "--against", str(other), "--plot", str(page))
    assert result.exit_code == 0, result.output
    html = page.read_text()
    assert html.count("<svg") == 1
    for told in (
        "region detection",
        "text detection",
        "latency of",
        "high alarm above",
        "cooldown after scale-out",
    ):
        assert told in html
    assert "&lt;other&gt;.toml" in html
    assert "<other>" not in html
    assert not re.search(r'(src|href)="(?!#)', html.replace('xlink:href="#', "")), "it needs nothing else"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["<other>.toml", "out.html", "quiet.toml"]


def test_other_instance_types_stand_beside_the_first(trace: str) -> None:
    result = scale("simulate", "--trace", trace, "--against-host", "ocr=ml.g5.2xlarge", "--json")
    first, second = json.loads(result.stdout).values()
    assert first["endpoints"]["ocr"]["instance_type"] == "ml.g5.xlarge"
    assert second["endpoints"]["ocr"]["instance_type"] == "ml.g5.2xlarge"
    assert first["endpoints"]["text_detection"] == second["endpoints"]["text_detection"]


def test_a_picture_can_be_png(trace: str, tmp_path: Path) -> None:
    assert scale("simulate", "--trace", trace, "--plot", str(tmp_path / "out.png")).exit_code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_waking_together_spares_cold_starts(trace: str) -> None:
    result = scale("simulate", "--trace", trace, "--wake", "both", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    each, together = told["each by its alarm"], told["woken together"]
    assert together["latency"]["99"]["total"] < each["latency"]["99"]["total"]


def test_a_shorter_cold_start_is_waited_for_less(trace: str) -> None:
    seconds = [
        json.loads(scale("simulate", "--trace", trace, "--cold-start", told, "--json").stdout)[
            "policies.toml"
        ]["latency"]["99"]["cold_start"]
        for told in ("330s", "1m")
    ]
    assert 0 < seconds[1] < seconds[0] - 120


@pytest.mark.parametrize("resolution", ["events", "flow"])
def test_both_resolutions_answer(trace: str, resolution: str) -> None:
    result = scale("simulate", "--trace", trace, "--resolution", resolution, "--json")
    assert json.loads(result.stdout)["policies.toml"]["documents"] == pytest.approx(900, rel=0.2)


def test_traffic_becomes_a_trace_that_simulates_the_same(trace: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert scale("trace", "--trace", trace, "--out", str(out)).exit_code == 0
    told = [scale("simulate", "--trace", each, "--json").stdout for each in (trace, str(out))]
    assert told[0] == told[1]


def test_tune_prints_a_front_and_a_diff_and_writes_what_it_found(trace: str, tmp_path: Path) -> None:
    out = tmp_path / "tuned.toml"
    words = ("tune", "--trace", trace, "--p95", "1h", "--mode", "async", "--trials", "8")
    result = scale(*words, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "chosen: " in result.stdout
    assert "ocr: ml.g5.xlarge async -> " in result.stdout
    assert "+++ b/policies.toml" in result.stdout
    assert load_policies(out) != load_policies()
    again = json.loads(scale(*words, "--json").stdout)
    written = load_policies(out).ocr["async"].model_dump(mode="json")
    assert again["chosen"]["policies"]["ocr.async"] == written


def test_tune_without_success_says_so_and_writes_nothing(trace: str, tmp_path: Path) -> None:
    out = tmp_path / "tuned.toml"
    result = scale("tune", "--trace", trace, "--p95", "0.1s", "--trials", "2", "--out", str(out))
    assert result.exit_code == 1
    assert "meets the goal" in result.stderr
    assert not out.exists()


def test_tune_tells_how_far_it_is_where_there_is_no_terminal(trace: str) -> None:
    words = ("tune", "--trace", trace, "--p95", "1h", "--trials", "4")
    told = scale(*words)
    assert "4 of 4 candidates: $" in told.stderr
    assert "candidates" not in scale(*words, "--quiet").stderr


def test_control_c_ends_a_search_with_what_it_has_found(trace: str, tmp_path: Path) -> None:
    out = tmp_path / "tuned.toml"
    words = ["scale", "tune", "--trace", trace, "--p95", "1h", "--trials", "1000000", "--out", str(out)]
    command = [sys.executable, "-m", "hybrid_ocr", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as search:
        assert search.stderr
        assert " of 1000000 candidates: $" in search.stderr.readline()
        search.send_signal(signal.SIGINT)
        stdout, stderr = search.communicate(timeout=120)
    assert search.returncode == 130
    assert re.search(r"interrupted after \d+ candidates: the best so far", stderr)
    assert "Traceback" not in stderr
    assert "chosen: " in stdout
    load_policies(out)


def test_schedules_proposes_a_diff_that_loads(tmp_path: Path) -> None:
    out = tmp_path / "planned.toml"
    result = scale("schedules", "--trace", "office-hours", "--timezone", "Europe/Berlin", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert 'timezone = "Europe/Berlin"' in result.stdout
    assert load_policies(out).ocr["async"].schedules
    assert "nothing to change" in scale("schedules", "--trace", "viral-burst").stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("simulate", "--trace", "none.csv"), 2, "cannot read the trace"),
        (("simulate", "--trace", "rush-hour"), 2, "office-hours"),
        (("simulate", "--trace", "office-hours", "--plot", "out.svg"), 2, ".html or .png"),
        (("simulate", "--trace", "office-hours", "--deadline", "soon"), 2, "--deadline soon"),
        (("simulate", "--trace", "office-hours", "--host", "ocr"), 2, "STAGE=TYPE"),
        (("simulate", "--trace", "office-hours", "--host", "ocr=ml.none"), 3, "no ml.none"),
        (("simulate", "--trace", "office-hours", "--policies", "none.toml"), 3, "cannot read none.toml"),
        (("tune", "--trace", "office-hours", "--type", "ml.none"), 2, "ml.none"),
        (("tune", "--trace", "office-hours", "--mode", "batch"), 2, "--mode batch"),
        (("tune", "--trace", "office-hours", "--p95", "0s"), 2, "--p95 0s"),
        (("simulate", "--trace", "office-hours", "--cold-start", "0"), 2, "--cold-start 0"),
        (("schedules", "--trace", "office-hours", "--timezone", "Mars/Base"), 2, "no time zone"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(words: tuple[str, ...], code: int, told: str) -> None:
    result = scale(*words)
    assert result.exit_code == code, result.output
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("target = 3,", "target = 0,", "target"),
        (
            "wake = { periods = 2, add_instances = 1, cooldown_seconds = 300, on_documents = true }\n",
            "",
            "cannot wake",
        ),
    ],
)
def test_policies_that_cannot_work_are_refused_and_nothing_is_written(
    trace: str, tmp_path: Path, old: str, new: str, told: str
) -> None:
    wrong, page = tmp_path / "wrong.toml", tmp_path / "out.html"
    wrong.write_text(POLICIES.read_text().replace(old, new))
    result = scale("simulate", "--trace", trace, "--policies", str(wrong), "--plot", str(page))
    assert result.exit_code == 3
    assert told in result.stderr
    assert "wrong.toml" in result.stderr
    assert not page.exists()


def test_another_type_is_told_as_the_lines_of_a_stages_file_and_with_the_way_to_deploy_it() -> None:
    before = dict(DEFAULT_HOSTING)
    after = {**before, "ocr": Hosting("ml.g6.xlarge", before["ocr"].mode)}

    told = hosting_changes(before, after)

    assert told[0] == "ocr: ml.g5.xlarge async -> ml.g6.xlarge async"
    stage = tomllib.loads("\n".join(told[3:]))
    assert stage == {"endpoints": {"ocr": {"instance_type": "ml.g6.xlarge"}}}
    assert "make deploy" in told[2]
    assert hosting_changes(before, before) == []
