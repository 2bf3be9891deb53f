"""A font whose glyphs draw nothing: text to search and select over the picture of a page.

Every character of a document gets a two-byte code in the order of its first use; a ToUnicode map says which
character a code stands for (ISO 32000-1, 9.10.3), so any script can be copied out although the font has one
empty glyph. The idea is that of Tesseract's PDF renderer.
"""

from __future__ import annotations

import struct

from hybrid_ocr.stages.validation.exports.pdf_file import PdfFile

ADVANCE = 0.5
"""Width of every character, in em."""
ASCENT, DESCENT = 0.8, -0.2
"""Above and below the baseline, in em."""
_UNITS = 1000
_MOST_CODES = 0xFFFF


class GlyphlessFont:
    """Hands out codes while pages are written; the font itself goes to the file at the end."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, text: str) -> str:
        """Codes of a text as hexadecimal, as a PDF string between angle brackets has them."""
        return "".join(f"{self._code(character):04X}" for character in text)

    def write(self, file: PdfFile, number: int) -> None:
        """Write the font and all it needs; `number` is that of the font object."""
        program = _truetype()
        program_at = file.add_stream(program, f"/Length1 {len(program)}")
        to_unicode = file.add_stream(self._to_unicode())
        # Every code shows glyph 1, the empty one.
        glyphs = file.add_stream(b"\x00\x01" * 0x10000)
        descriptor = file.add(
            "<< /Type /FontDescriptor /FontName /Glyphless /Flags 4 /ItalicAngle 0 /StemV 80 "
            f"/FontBBox [0 {DESCENT * _UNITS:.0f} {ADVANCE * _UNITS:.0f} {ASCENT * _UNITS:.0f}] "
            f"/Ascent {ASCENT * _UNITS:.0f} /Descent {DESCENT * _UNITS:.0f} "
            f"/CapHeight {ASCENT * _UNITS:.0f} /FontFile2 {program_at} 0 R >>"
        )
        descendant = file.add(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Glyphless "
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {descriptor} 0 R /CIDToGIDMap {glyphs} 0 R /DW {ADVANCE * _UNITS:.0f} >>"
        )
        file.add(
            "<< /Type /Font /Subtype /Type0 /BaseFont /Glyphless /Encoding /Identity-H "
            f"/DescendantFonts [{descendant} 0 R] /ToUnicode {to_unicode} 0 R >>",
            number,
        )

    def _code(self, character: str) -> int:
        if len(self._codes) >= _MOST_CODES - 1:
            return self._codes.get(character, 1)
        return self._codes.setdefault(character, len(self._codes) + 1)

    def _to_unicode(self) -> bytes:
        pairs = [
            f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>"
            for character, code in self._codes.items()
        ]
        # A bfchar section holds at most 100 entries.
        sections = [pairs[n : n + 100] for n in range(0, len(pairs), 100)]
        body = "\n".join(f"{len(s)} beginbfchar\n{chr(10).join(s)}\nendbfchar" for s in sections)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{body}\n"
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode("ascii")


def _truetype() -> bytes:
    """A TrueType program of two empty glyphs, with the tables a PDF needs (ISO 32000-1, 9.9)."""
    ascent, descent, advance = int(ASCENT * _UNITS), int(DESCENT * _UNITS), int(ADVANCE * _UNITS)
    head = struct.pack(
        ">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _UNITS, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0
    )
    hhea = struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, ascent, descent, 0, advance, *[0] * 11, 1)
    tables = {
        b"glyf": b"\0\0\0\0",
        b"head": head,
        b"hhea": hhea,
        b"hmtx": struct.pack(">Hhh", advance, 0, 0),
        b"loca": struct.pack(">HHH", 0, 0, 0),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    directory = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, len(tables) * 16 - 64)
    offset = len(directory) + 16 * len(tables)
    body = b""
    for tag, data in tables.items():
        padded = data + b"\0" * (-len(data) % 4)
        directory += struct.pack(">4sIII", tag, _checksum(padded), offset + len(body), len(data))
        body += padded
    font = bytearray(directory + body)
    # checkSumAdjustment, bytes 8 to 12 of head: makes the sum of the whole file a constant.
    place = offset + body.index(head) + 8
    font[place : place + 4] = struct.pack(">I", (0xB1B0AFBA - _checksum(bytes(font))) & 0xFFFFFFFF)
    return bytes(font)


def _checksum(data: bytes) -> int:
    data += b"\0" * (-len(data) % 4)
    total: int = sum(struct.unpack(f">{len(data) // 4}I", data))
    return total & 0xFFFFFFFF
