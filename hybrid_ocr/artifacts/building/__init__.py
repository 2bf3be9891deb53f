"""What artefacts there are and how each is made: catalogue, sources, the cut to a script, the archive."""
