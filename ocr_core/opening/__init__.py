"""Opening documents safely: a file nobody trusts becomes pages of pixels, or one honest error."""

from ocr_core.opening.document import DocumentFormat, DocumentInfo, RawPage, parse_pages
from ocr_core.opening.limits import OpeningLimits
from ocr_core.opening.opener import DocumentOpener

__all__ = ["DocumentFormat", "DocumentInfo", "DocumentOpener", "OpeningLimits", "RawPage", "parse_pages"]
