"""People and organisations, from address books, mail and networks."""

from __future__ import annotations

from collections.abc import Iterator

from locker.collection import Collection
from locker.record import Body


class Contact(Collection):
    """Somebody who is reachable: one e-mail address or one account at a service is one person."""

    type = "contact"

    def identities(self, body: Body) -> Iterator[str]:
        for email in body.get("emails", ()):
            if email.strip():
                yield f"email:{email.strip().lower()}"
        for handle in body.get("handles", ()):
            service, _, name = handle.strip().lower().partition(":")
            if service and (name := name.lstrip("@")):
                yield f"handle:{service}:{name}"
