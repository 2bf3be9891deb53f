"""model.tar.gz: written the same way every time, read as if an enemy had written it."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts.folder import check_member_name
from hybrid_ocr.artifacts.manifest import MAX_BYTES
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode

_STORED_BLOCK: Final = 65_535
# RFC 1952: magic, deflate, no flags, no time, no extra flags, operating system unknown.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def pack(contents: dict[str, bytes]) -> bytes:
    """A tar.gz of these files: sorted, without owners or times.

    The gzip stream holds stored blocks: what deflate makes differs from one zlib to the next, and
    these weights shrink by a tenth to a fifth at most. So equal contents give equal bytes on every machine.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(contents):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(contents[name]), 0o644
            tar.addfile(member, io.BytesIO(contents[name]))
    return _gzip_stored(buffer.getvalue())


def unpack(path: Path) -> dict[str, bytes]:
    """The files of a model.tar.gz, by name, without writing anything to disk.

    Only regular files with the names an artefact has are read, each once, each within its size limit. A
    member is judged by its header alone, before its bytes are inflated; headers that extend others (pax, GNU)
    are refused too, since they may be of any size.

    Raises:
        ArtifactError: naming the member that is refused, or ARTIFACT_NOT_FOUND where there is no file.
    """
    if not path.is_file():
        raise ArtifactError(f"no archive at {path}", code=ErrorCode.ARTIFACT_NOT_FOUND)
    contents: dict[str, bytes] = {}
    try:
        with gzip.open(path) as stream:
            while (block := _read(stream, tarfile.BLOCKSIZE)) != bytes(tarfile.BLOCKSIZE):
                member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
                _refuse(member, contents, str(path))
                contents[member.name] = _read(stream, member.size)
                _read(stream, -member.size % tarfile.BLOCKSIZE)
            padding = stream.read(tarfile.RECORDSIZE)
            if any(padding) or stream.read(1):  # at its end gzip compares its own sum, too
                raise ArtifactError(f"{path} goes on after its last member")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArtifactError(f"{path} is not a whole tar.gz: {error}") from None
    return contents


def _read(stream: gzip.GzipFile, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("it ends before its last member")
    return data


def _refuse(member: tarfile.TarInfo, seen: dict[str, bytes], where: str) -> None:
    name = member.name
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ArtifactError(f"{where}: {name!r} leaves the folder of the artefact")
    if member.issym() or member.islnk():
        kind = "symlink" if member.issym() else "hard link"
        raise ArtifactError(f"{where}: {name!r} is a {kind} to {member.linkname!r}")
    if not member.isreg() or member.issparse():
        raise ArtifactError(f"{where}: {name!r} is not a regular file")
    check_member_name(name, where)
    if name in seen:
        raise ArtifactError(f"{where}: {name!r} is there twice")
    if member.size > MAX_BYTES[name]:
        raise ArtifactError(f"{where}: {name!r} has more than {MAX_BYTES[name]:,} bytes")


def _gzip_stored(data: bytes) -> bytes:
    """A gzip member of stored blocks (RFC 1951, 3.2.4)."""
    out = bytearray(_GZIP_HEADER)
    for start in range(0, max(len(data), 1), _STORED_BLOCK):
        block = data[start : start + _STORED_BLOCK]
        last = start + _STORED_BLOCK >= len(data)
        out += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return bytes(out + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
