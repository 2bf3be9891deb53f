"""Which deployment to speak to: chosen as the AWS command line chooses it, plus the stage."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hybrid_ocr.clients.errors import (
    NOTHING_CONFIGURED,
    from_answer,
    from_connection,
    is_loopback,
    one_line,
    translated,
)
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.names import LOCAL_PORT, LOCAL_REGION, LOCAL_STAGE, Names

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

ON_VARIABLE: Final = "HYBRID_OCR_ON"
DEFAULT_STAGE: Final = "prod"
LOCAL_LOGIN: Final = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
"""The local cloud takes any credentials; these stand in where there are none."""


@dataclass(frozen=True)
class Connection:
    """A deployment and how to reach it.

    Args:
        session: where credentials come from.
        names: of everything in the deployment.
        endpoint_url: in place of AWS's own, for every service.
        local: whether that is the local cloud.
        login: credentials in place of the session's.
    """

    session: boto3.Session
    names: Names
    endpoint_url: str | None = None
    local: bool = False
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def where(self) -> str:
        """The deployment in words."""
        return f"stage {self.names.stage} in account {self.names.account}, {self.names.region}"

    def client(self, service: str, config: Config | None = None) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """A client of an AWS service; may be called from any thread."""
        settings = Config(retries={"mode": "standard", "total_max_attempts": 5})
        if self.local:  # BUCKET.localhost is a name that not every machine can look up
            settings = settings.merge(Config(s3={"addressing_style": "path"}))
        with self._lock, self.translated():
            return _make(
                self.session,
                service,
                region_name=self.names.region,
                endpoint_url=self.endpoint_url,
                config=settings.merge(config) if config else settings,
                **self.login,
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what boto3 raises inside as an OcrError."""
        with translated(self.where):
            yield


def connect(
    stage: str | None = None,
    session: boto3.Session | None = None,
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> Connection:
    """Find out which deployment is meant, and that it can be reached.

    What is not given comes from where AWS's tools look: AWS_PROFILE, AWS_REGION or AWS_DEFAULT_REGION,
    AWS_ENDPOINT_URL, ~/.aws/config. The account is the one that the credentials belong to. The local cloud
    needs its URL alone; a region for it comes from AWS_REGION or a profile that is named, no other place.

    Args:
        stage: of the deployment; `local` for the local cloud; else HYBRID_OCR_ON, else `local` where the
            endpoint is this machine and `prod` where it is not.
        session: where credentials and region come from; else one is made of `profile`.
        profile: of ~/.aws/config.
        region: such as eu-central-1.
        endpoint_url: in place of AWS's own, such as that of a local cloud; for the stage `local` else that of
            `hybrid-ocr up` on this machine.

    Raises:
        ConfigurationError: nothing is configured, or not so that it works; the text says what to do.
        CapacityError: AWS cannot be reached now.
    """
    stage = stage or os.environ.get(ON_VARIABLE)
    named = bool(session or profile or os.environ.get("AWS_PROFILE"))
    try:
        core = None if session else botocore.session.Session(profile=profile)
        session = session or boto3.Session(botocore_session=core)
        if stage == LOCAL_STAGE and endpoint_url is None and not _is_configured(session):
            endpoint_url = f"http://127.0.0.1:{LOCAL_PORT}"
        local = is_loopback(_endpoint(session, endpoint_url))
        # Where somebody's deployments in AWS usually are says nothing of the local cloud.
        usual = session.region_name if named or not local else LOCAL_REGION
        region = region or os.environ.get("AWS_REGION") or usual
        if local and core:
            # What an EC2 instance may do is no business of the local cloud, and asking takes a second.
            core.set_config_variable("metadata_service_num_attempts", 0)
        found = session.get_credentials()
        if not local and found is None:
            raise ConfigurationError(NOTHING_CONFIGURED)
        if region is None:
            raise ConfigurationError("no AWS region is configured: give --region or set AWS_REGION")
        login = LOCAL_LOGIN if found is None else {}
        sts: STSClient = _make(session, "sts", region_name=region, endpoint_url=endpoint_url, **login)
        identity = sts.get_caller_identity()
    except ClientError as error:
        raise from_answer(error, "the deployment") from error
    except BotoCoreError as error:
        raise from_connection(error) from error
    except ValueError as error:  # botocore's word for an endpoint URL that is none
        raise ConfigurationError(one_line(str(error))) from error
    stage = stage or (LOCAL_STAGE if local else DEFAULT_STAGE)
    names = Names(stage, identity["Account"], region, partition=identity["Arn"].split(":")[1])
    return Connection(session, names, endpoint_url, local, login)


def _endpoint(session: boto3.Session, given: str | None, *, config: Config | None = None) -> str:
    """The URL that botocore will choose, which a client knows best; no credentials are looked for."""
    probe: STSClient = _make(
        session, "sts", region_name=LOCAL_REGION, endpoint_url=given, config=config, **LOCAL_LOGIN
    )
    return probe.meta.endpoint_url


def _is_configured(session: boto3.Session) -> bool:
    """Whether the environment or ~/.aws/config puts an endpoint in the place of AWS's own."""
    ignoring: dict[str, Any] = {"ignore_configured_endpoint_urls": True}  # the stubs do not know it
    own = _endpoint(session, None, config=Config(**ignoring))
    return _endpoint(session, None) != own


def _make(session: boto3.Session, service: str, **arguments: object) -> Any:  # noqa: ANN401 - see Connection.client
    make: Any = session.client
    return make(service, **arguments)
