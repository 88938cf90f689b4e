"""Mail, chats and private messages."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body


class Message(Collection):
    """A message is one by its Message-ID, in however many mailboxes it lies."""

    type = "message"

    def identities(self, body: Body) -> Iterator[str]:
        if found := str(body.get("message_id") or "").strip():
            yield f"message-id:{found}"
