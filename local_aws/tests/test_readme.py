"""What README.md shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local_aws import Component, ConfigurationError, LocalAws
from local_aws.tests.patience import PATIENCE

ROOM = Path(__file__).parents[1]
README = (ROOM / "README.md").read_text("utf-8")


def test_the_example_answers_as_the_readme_says() -> None:
    code, answer = re.findall(r"```(?:python)?\n(.*?)```", README, re.DOTALL)[:2]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOM.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == (answer, 0), ran.stderr


def test_the_command_stays_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "local_aws", str(ROOM / "example" / "component.toml"), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOM.parent, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        first = running.stdout.readline()
        address = re.search(r"AWS_ENDPOINT_URL=(\S+)", first)
        assert address, first
        assert httpx.get(f"{address[1]}/_local/health", timeout=PATIENCE).json()["ready"]
        running.terminate()
        assert running.wait(PATIENCE) == 0


def test_a_person_finds_a_page_and_a_client_its_buckets() -> None:
    with LocalAws(Component.load(ROOM / "example" / "component.toml")) as aws:
        page = httpx.get(aws.endpoint_url, headers={"Accept": "text/html"}, timeout=PATIENCE).text
        for expected in ("Letters", "judge", "arrived", "/_local/health", "s3://letters/"):
            assert expected in page
        assert [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]] == ["letters"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[sqs.create_queu]]\nQueueName = 'a'", "request sqs.create_queu: sqs has no such operation"),
        ("[[sqs.create_queue]]\nName = 'a'", "request sqs.create_queue: .*QueueName"),
        ("[[nowhere.make]]\nName = 'a'", "request nowhere.make: AWS has no service nowhere"),
        ("[functions.f]\nhandle = 'm.f'", "component .*bad.toml: .*handle"),
        ("no TOML", "component .*bad.toml: "),
    ],
)
def test_a_component_that_cannot_be_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(text)
    with pytest.raises(ConfigurationError, match=why), LocalAws(Component.load(bad)):
        pass
