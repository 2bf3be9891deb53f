"""Where the bytes of a network come from. Everything is held to its sha256 before anything reads it."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from hybrid_ocr.artifacts.building.catalogue import (
    Download,
    Entry,
    FileSource,
    LocalFile,
    UrlSource,
    WheelSource,
)
from hybrid_ocr.artifacts.manifest import CONFIG, LICENCE, MAX_BYTES, NETWORK
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode

MAX_WHEEL_BYTES: Final = 1 << 30
_TIMEOUT_SECONDS: Final = 60
_CHUNK: Final = 1 << 20

FetchWheel = Callable[[str, Path], None]
"""Puts the wheel of a pinned requirement (`name==version`) into a folder."""
FetchUrl = Callable[[str, IO[bytes], int], None]
"""Writes the body at an address to a file, at most so many bytes of it."""


@dataclass(frozen=True)
class Original:
    """What a source holds: the network, and perhaps its inference.yml and its licence."""

    network: bytes
    config: bytes | None = None
    licence: bytes | None = None


def obtain(
    entry: Entry,
    cache: Path,
    catalogue_folder: Path,
    *,
    fetch_wheel: FetchWheel | None = None,
    fetch_url: FetchUrl | None = None,
) -> Original:
    """Fetch what an entry names, or take it from the cache folder.

    Raises:
        ArtifactError: ARTIFACT_NOT_FOUND where it could not be fetched, ARTIFACT_INVALID for a wrong sha256.
    """
    source = entry.source
    if isinstance(source, WheelSource):
        return _from_wheel(source, cache, fetch_wheel or pip_download)
    if isinstance(source, UrlSource):
        fetch = fetch_url or fetch_https
        config = _downloaded(source.config, cache, fetch, CONFIG) if source.config else None
        return Original(_downloaded(source, cache, fetch, NETWORK), config)
    return _from_files(source, catalogue_folder)


def pip_download(requirement: str, folder: Path) -> None:
    """Fetch a wheel with pip, from whichever index pip is set up for, without installing anything.

    Raises:
        ArtifactError: ARTIFACT_NOT_FOUND where pip fails; the message ends with pip's last line.
    """
    command = [sys.executable, "-m", "pip", "download", requirement, "--dest", str(folder)]
    command += [
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "-q",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise _not_found(f"pip could not download {requirement}: {last}")


def fetch_https(url: str, into: IO[bytes], max_bytes: int) -> None:
    """Stream an https address into a file; a redirect may not leave https.

    Raises:
        ArtifactError: not https, no answer, or more than `max_bytes`.
    """
    if not url.startswith("https://"):
        raise ArtifactError(f"{url}: only https addresses are fetched")
    opener = urllib.request.build_opener(_HttpsRedirects)
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
            copied = 0
            while chunk := answer.read(_CHUNK):
                copied += len(chunk)
                if copied > max_bytes:
                    raise ArtifactError(f"{url}: more than {max_bytes:,} bytes")
                into.write(chunk)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _not_found(f"{url}: {error}") from None


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917 - the signature of the standard library
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise ArtifactError(f"{req.full_url}: redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _from_wheel(source: WheelSource, cache: Path, fetch: FetchWheel) -> Original:
    requirement = f"{source.package}=={source.version}"
    cached = cache / f"{source.wheel_sha256}.whl"
    if not cached.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fetch(requirement, Path(scratch))
            wheels = list(Path(scratch).glob("*.whl"))
            if len(wheels) != 1:
                raise _not_found(f"{requirement}: expected one wheel, found {len(wheels)}")
            os.replace(wheels[0], cached)  # noqa: PTH105 - atomic
    data = _checked(cached, source.wheel_sha256, MAX_WHEEL_BYTES, f"wheel of {requirement}", forget=True)
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        network = _member(wheel, source.file, MAX_BYTES[NETWORK])
        _check(network, source.sha256, f"{source.file} in {requirement}")
        licence = _member(wheel, source.licence_file, MAX_BYTES[LICENCE]) if source.licence_file else None
    return Original(network, licence=licence)


def _member(wheel: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    try:
        with wheel.open(name) as member:
            data = member.read(max_bytes + 1)
    except KeyError:
        raise _not_found(f"the wheel has no {name}") from None
    if len(data) > max_bytes:
        raise ArtifactError(f"{name}: more than {max_bytes:,} bytes")
    return data


def _downloaded(wanted: Download, cache: Path, fetch: FetchUrl, name: str) -> bytes:
    cached = cache / wanted.sha256
    if not cached.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache) as scratch:
            fetch(wanted.url, scratch, MAX_BYTES[name])
            scratch.flush()
            _checked(Path(scratch.name), wanted.sha256, MAX_BYTES[name], wanted.url)
            os.link(scratch.name, cached)
    return _checked(cached, wanted.sha256, MAX_BYTES[name], wanted.url, forget=True)


def _from_files(source: FileSource, folder: Path) -> Original:
    def read(file: LocalFile, name: str) -> bytes:
        path = folder / file.path
        if not path.is_file():
            raise _not_found(f"{path} is not a file")
        return _checked(path, file.sha256, MAX_BYTES[name], str(path))

    return Original(read(source, NETWORK), read(source.config, CONFIG) if source.config else None)


def _checked(path: Path, sha256: str, max_bytes: int, what: str, *, forget: bool = False) -> bytes:
    """The bytes of a file that must have that sha256; `forget` unlinks a wrong one, so that a retry heals."""
    if path.stat().st_size > max_bytes:
        raise ArtifactError(f"{what}: more than {max_bytes:,} bytes")
    data = path.read_bytes()
    try:
        _check(data, sha256, what)
    except ArtifactError:
        if forget:
            path.unlink(missing_ok=True)
        raise
    return data


def _check(data: bytes, sha256: str, what: str) -> None:
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ArtifactError(f"{what}: sha256 is {actual}, expected {sha256}")


def _not_found(message: str) -> ArtifactError:
    return ArtifactError(message, code=ErrorCode.ARTIFACT_NOT_FOUND)
