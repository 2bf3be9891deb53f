"""Reads documents in one process: the stages put together, without a server."""
