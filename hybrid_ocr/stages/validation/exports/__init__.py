"""What a user gets beside result.json: text, Markdown, searchable PDF, hOCR, report."""

from hybrid_ocr.stages.validation.exports.folder import write_exports

__all__ = ["write_exports"]
