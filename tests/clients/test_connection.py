"""Choosing a deployment, as people who use AWS expect it to be chosen."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from hybrid_ocr.clients import connect
from hybrid_ocr.clients.errors import is_loopback
from hybrid_ocr.contracts.errors import ConfigurationError
from tests.clients.deployment import Deployment


def test_an_endpoint_on_this_machine_needs_nothing_else(local: Deployment) -> None:
    connection = connect()
    assert connection.local
    assert connection.names == local.names
    assert connection.client("s3").list_buckets()["Buckets"]


def test_an_endpoint_may_be_given_in_place_of_the_environment(
    local: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    connection = connect(endpoint_url=local.server.endpoint_url)
    assert connection.client("s3").list_buckets()["Buckets"]


def test_a_profile_brings_endpoint_and_region(
    local: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile home]\nregion = eu-north-1\nendpoint_url = {local.server.endpoint_url}\n")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    connection = connect(profile="home")
    assert (connection.names.stage, connection.names.region) == ("local", "eu-north-1")
    monkeypatch.setenv("AWS_PROFILE", "home")
    assert connect().names.region == "eu-north-1"


@pytest.mark.usefixtures("local")
def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert connect().names.region == "eu-west-2"
    assert connect(region="eu-west-3").names.region == "eu-west-3"
    monkeypatch.setenv("HYBRID_OCR_ON", "dev")
    assert connect().names.stage == "dev"
    assert connect("test").names.stage == "test"


@pytest.mark.usefixtures("local")
def test_the_usual_region_of_somebody_is_not_that_of_the_local_cloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert connect().names.region == "us-east-1"


@pytest.mark.usefixtures("local")
def test_a_session_brings_its_own_region_and_credentials() -> None:
    session = boto3.Session("key", "secret", region_name="eu-south-1")
    connection = connect(session=session)
    assert connection.names.region == "eu-south-1"
    assert not connection.login


def test_without_any_configuration_it_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"`hybrid-ocr up` in another terminal.*AWS_PROFILE"):
        connect()


def test_without_a_region_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        connect()


def test_the_local_cloud_answers_where_up_listens_unless_an_endpoint_is_configured(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid_ocr.clients.connection.LOCAL_PORT", deployment.server.port)
    connection = connect("local")
    assert connection.local
    assert connection.client("s3").list_buckets()["Buckets"]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(ConfigurationError, match=f"nothing answers at {url}"):
        connect("local")


def test_a_local_cloud_that_is_not_running_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(ConfigurationError, match=rf"nothing answers at {url}: run `hybrid-ocr up`"):
        connect(endpoint_url=url)


@pytest.mark.parametrize(
    ("profile", "endpoint_url", "said"), [("nobody", None, "nobody"), (None, "not a url", "not a url")]
)
def test_what_makes_no_sense_is_told_in_one_line(
    profile: str | None, endpoint_url: str | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        connect(profile=profile, endpoint_url=endpoint_url)
    assert "\n" not in raised.value.message


@pytest.mark.usefixtures("local")
def test_a_stage_that_is_not_deployed_is_named() -> None:
    from hybrid_ocr.clients import AsyncClient

    with pytest.raises(ConfigurationError, match="stage other in account 123456789012, us-east-1"):
        AsyncClient("other").jobs()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4580", "http://localhost", "http://[::1]:1", "http://s3.localhost:1"]
)
def test_this_machine_has_several_names(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["https://sts.eu-north-1.amazonaws.com", "http://localhost.example.com", ""])
def test_other_machines_are_none_of_them(url: str) -> None:
    assert not is_loopback(url)


def test_importing_the_package_brings_no_boto3() -> None:
    told = "import sys, hybrid_ocr; print('boto3' in sys.modules); hybrid_ocr.AsyncClient"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
