"""OCR: line crops in, text out."""
