"""Free fonts, each from a package of the index; see samples/README.md for their licences."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from PIL import ImageFont

Typeface = Literal["serif", "serif-bold", "serif-italic", "sans", "sans-bold", "mono"]

_FILES: Final[dict[Typeface, tuple[str, str]]] = {
    "serif": ("font_source_serif_pro", "files/SourceSerifPro-Regular.ttf"),
    "serif-bold": ("font_source_serif_pro", "files/SourceSerifPro-Bold.ttf"),
    "serif-italic": ("font_source_serif_pro", "files/SourceSerifPro-It.ttf"),
    "sans": ("reportlab", "fonts/Vera.ttf"),
    "sans-bold": ("reportlab", "fonts/VeraBd.ttf"),
    "mono": ("barcode", "fonts/DejaVuSansMono.ttf"),
}


@cache
def font(typeface: Typeface, pixels: float) -> ImageFont.FreeTypeFont:
    """A typeface at a size in pixels to the em.

    The basic layout engine is asked for so that glyphs stand alike whether or not Pillow finds Raqm.

    Raises:
        FileNotFoundError: the package that carries the font is not installed.
    """
    package, file = _FILES[typeface]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{typeface} comes with {package}: pip install 'hybrid-ocr[samples]'")
    return ImageFont.truetype(Path(spec.origin).parent / file, pixels, layout_engine=ImageFont.Layout.BASIC)
