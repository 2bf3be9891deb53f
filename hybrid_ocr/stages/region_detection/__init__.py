"""Region detection: a page in, its labelled areas out."""
