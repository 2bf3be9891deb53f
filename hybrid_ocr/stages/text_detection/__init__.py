"""Text detection: a page in, its lines and their pixels out."""
