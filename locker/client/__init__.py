"""
The client for others' programs: streams at StreamSource or Locker, and everything else a Locker answers, over HTTP with asyncio.

For streams, make a backend and give it to a manager::

    async with StreamSourceBackend("http://127.0.0.1:8042", email="me@example.com", password="…") as backend:
        streams = StreamManager(backend)
        stream = await streams.create_stream({"source": "StreamerName", "link": "https://www.twitch.tv/streamername"})

A ``BackendManager`` stands where a backend stands and keeps others in step with it.  For queries, records and pushes there is
``LockerClient``.  All of it imports nothing of the house but its errors and its records.
"""

from __future__ import annotations

from .backend import StreamBackend
from .credentials import Credentials
from .failure import NotBegun
from .locker_client import Entry, LockerClient, Object, PushReport
from .manager import BackendManager, Refused
from .retry import Retry
from .stream import Export, Filters, ImportReport, Meta, Page, RowError, Stream, StreamId, User
from .stream_manager import StreamManager
from .streamsource import StreamSourceBackend
from .transport import Transport

__all__ = [
    "BackendManager",
    "Credentials",
    "Entry",
    "Export",
    "Filters",
    "ImportReport",
    "LockerClient",
    "Meta",
    "NotBegun",
    "Object",
    "Page",
    "PushReport",
    "Refused",
    "Retry",
    "RowError",
    "Stream",
    "StreamBackend",
    "StreamId",
    "StreamManager",
    "StreamSourceBackend",
    "Transport",
    "User",
]
