"""Settings of the hosts: read from the environment once, validated before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.names import VARIABLE_PREFIX
from hybrid_ocr.contracts.stage import EngineName, Precision

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class ContainerSettings(BaseSettings):
    """Settings of a model container; each field is the environment variable HYBRID_OCR_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX, env_ignore_empty=True, frozen=True, populate_by_name=True, extra="ignore"
    )

    host: Annotated[
        str,
        Field(description="the address it listens on; the images say 0.0.0.0, for nobody is asked who he is"),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Field(
            ge=0,
            le=65_535,
            validation_alias=AliasChoices(f"{VARIABLE_PREFIX}PORT", "SAGEMAKER_BIND_TO_PORT"),
            description="0 takes a free port, which the line `listening` of the log names",
        ),
    ] = 8080
    log_level: LogLevel = "INFO"
    exit_with_stdin: Annotated[
        bool, Field(description="end when standard input closes: a parent process that dies leaves no orphan")
    ] = False

    model_dir: Annotated[Path, Field(description="the unpacked model artefact")] = Path("/opt/ml/model")
    engine: EngineName = "openvino"
    precision: Precision = "auto"
    threads: Annotated[int | None, Field(ge=1, le=1024, description="default: what the cgroup grants")] = None
    cache_dir: Annotated[Path | None, Field(description="where an engine keeps compiled networks")] = None
    options: Annotated[dict[str, str], Field(description="options of the stage, as a JSON object")] = {}

    max_batch_pages: Annotated[int, Field(ge=1, le=1024)] = 8
    max_batch_pixels: Annotated[int, Field(ge=1)] = 64_000_000
    batch_wait_ms: Annotated[
        float, Field(ge=0, le=1000, description="how long a batch waits for company that is on its way")
    ] = 4.0

    max_queue_pages: Annotated[int, Field(ge=1)] = 256
    max_body_bytes: Annotated[int, Field(ge=1024)] = 128 * 2**20
    max_bytes_in_flight: Annotated[
        int, Field(ge=1024, description="request bodies held at once, from their first byte to their answer")
    ] = 512 * 2**20

    request_seconds: Annotated[
        float,
        Field(gt=0, le=3600, description="SageMaker gives a real-time call 60 s: answer before it hangs up"),
    ] = 58.0
    drain_seconds: Annotated[
        float, Field(ge=0, lt=30, description="SageMaker sends SIGKILL 30 s after SIGTERM")
    ] = 25.0

    @model_validator(mode="after")
    def _one_body_fits(self) -> Self:
        if self.max_body_bytes > self.max_bytes_in_flight:
            raise ValueError("max_body_bytes is above max_bytes_in_flight: such a body could never be taken")
        return self


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(kind: type[SettingsT]) -> SettingsT:
    """Settings from the environment.

    Raises:
        ConfigurationError: in one line, each variable that cannot work and why.
    """
    try:
        return kind()
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise ConfigurationError("; ".join(f"{_variable(d['loc'])}{d['msg']}" for d in details)) from None
    except ValueError as error:  # pydantic-settings: JSON that does not parse, naming the field
        raise ConfigurationError(str(error).replace("\n", " ")) from None


def _variable(location: tuple[int | str, ...]) -> str:
    if not location:
        return ""
    name = str(location[0])
    if not name.isupper():
        name = VARIABLE_PREFIX + name.upper()
    return f"{name}: "
