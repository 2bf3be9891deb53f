"""Code that every stage shares and that knows no stage by name."""
