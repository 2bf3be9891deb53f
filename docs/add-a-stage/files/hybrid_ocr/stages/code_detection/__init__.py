"""Code detection: a page image in, its QR codes out."""
