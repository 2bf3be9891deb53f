"""What a user gets beside result.json: text, Markdown, searchable PDF, hOCR, report."""

from lambdas.validation.exports.folder import write_exports

__all__ = ["write_exports"]
