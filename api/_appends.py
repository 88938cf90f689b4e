"""
Pushes that wait together are appended together: one look at what stands, one insert and one wake-up for all of them.

While the disk is busy with some, the next ones gather.  Each hears of its own outcomes, after they are durable; if the whole append fails, each is
tried alone, so that only the guilty one fails.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from locker.locker import Draft, Locker, Outcome

AT_ONCE = 1000
"""Drafts in one append; more go into the next one."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    drafts: Sequence[Draft]
    answer: asyncio.Future[list[Outcome]]


@dataclass(slots=True)
class Appends:
    """The pushes of one server, by log."""

    locker: Locker
    _waiting: dict[tuple[str, str], deque[_Waiting]] = field(default_factory=dict)

    async def append(self, owner: str, source: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append drafts, all or none; durable when it returns.  Raises StorageError if the disk refuses."""
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        queue = self._waiting.get((owner, source))
        if queue is None:
            queue = self._waiting[owner, source] = deque()
            asyncio.get_running_loop().call_soon(self._start, owner, source)
        queue.append(_Waiting(drafts, answer))
        return await answer

    def _start(self, owner: str, source: str) -> None:
        """Hand what waits for a log to the writer; when it is done, look again."""
        queue = self._waiting[owner, source]
        together, count = list[_Waiting](), 0
        while queue and (not together or count + len(queue[0].drafts) <= AT_ONCE):
            count += len(queue[0].drafts)
            together.append(queue.popleft())
        if not together:
            del self._waiting[owner, source]
            return
        drafts = [draft for each in together for draft in each.drafts]
        written = asyncio.wrap_future(self.locker.logbook.submit(owner, source, drafts))
        written.add_done_callback(lambda done: self._finish(owner, source, together, done))

    def _finish(self, owner: str, source: str, together: list[_Waiting], done: asyncio.Future[list[Outcome]]) -> None:
        self._start(owner, source)
        error = done.exception()
        if error is None:
            outcomes, at = done.result(), 0
            for each in together:
                if not each.answer.done():  # whoever went away meanwhile does not hear it
                    each.answer.set_result(outcomes[at : at + len(each.drafts)])
                at += len(each.drafts)
        elif len(together) == 1:
            if not together[0].answer.done():
                together[0].answer.set_exception(error)
        else:
            for each in together:
                alone = asyncio.wrap_future(self.locker.logbook.submit(owner, source, each.drafts))
                alone.add_done_callback(lambda done, each=each: self._retold(each, done))  # type: ignore[misc]

    def _retold(self, each: _Waiting, done: asyncio.Future[list[Outcome]]) -> None:
        error = done.exception()
        if each.answer.done():
            return
        if error is None:
            each.answer.set_result(done.result())
        else:
            each.answer.set_exception(error)
