"""Clients for Python callers: documents as jobs, and single pages while the caller waits."""

from hybrid_ocr.clients.async_client import AsyncClient
from hybrid_ocr.clients.connection import Connection, connect
from hybrid_ocr.clients.jobs import JobStatus
from hybrid_ocr.clients.realtime_client import PageResult, RealtimeClient

__all__ = ["AsyncClient", "Connection", "JobStatus", "PageResult", "RealtimeClient", "connect"]
