"""
One run of a Singer tap: a program with a private folder for its configuration, whose lines are read as they come.

It gets no more of our environment than it needs, a line may not be longer than memory should hold, and it ends when we do.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from locker.error import Fatal, Retriable

LONGEST_LINE = 32 << 20
SILENCE = 900.0
"""Seconds without a line after which a tap is taken for stuck."""

_GRACE = 5.0
_LAST_WORDS = 12
_HIDDEN = 4
"""A value of the configuration that has so many characters is blotted out of what a tap says when it fails."""


class TapRun:
    """``async with TapRun(program, config) as tap: async for line in tap.lines("--discover")``."""

    def __init__(self, program: Path, config: dict[str, Any]) -> None:
        self._program, self._config = program, config
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="locker-tap-"))  # readable by its owner alone
        self._files = ["--config", str(self._file("config.json", self._config))]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await self._stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def give(self, option: str, value: Any) -> None:
        """Hand a document over as a file: ``--catalog``, ``--state``."""
        self._files += [option, str(self._file(f"{option.strip('-')}.json", value))]

    async def lines(self, *options: str) -> AsyncIterator[bytes]:
        """What the tap writes, line by line.  Raises Retriable, with its last words, if it fails; Fatal if it cannot be run."""
        process = await self._start([*self._files, *options])
        assert process.stdout is not None
        assert process.stderr is not None
        listening = asyncio.create_task(self._listen(process.stderr))
        try:
            while line := await self._line(process.stdout):
                yield line
            code = await process.wait()
            await listening
        finally:
            listening.cancel()
            await self._stop()
        if code:
            raise Retriable(f"{self._program.name} ended with {code}: {self._last_words()}")

    async def _line(self, stream: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(SILENCE):  # wait_for can lose a cancellation
                return await stream.readline()
        except TimeoutError as error:
            raise Retriable(f"{self._program.name} said nothing for {SILENCE:.0f} seconds: {self._last_words()}") from error
        except ValueError as error:
            raise Fatal(f"{self._program.name} writes a line of more than {LONGEST_LINE} bytes") from error

    async def _start(self, options: Sequence[str]) -> asyncio.subprocess.Process:
        home = str(self._folder)
        environment = {"PATH": f"{self._program.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
        try:
            self._process = await asyncio.create_subprocess_exec(
                str(self._program), *options, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=environment, cwd=home, limit=LONGEST_LINE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Fatal(f"{self._program.name} cannot be run: {error.strerror or error}; install it again") from error
        return self._process

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # a line without end: its beginning was dropped
            if not line:
                return
            self._words.append(line.decode("utf-8", "replace").strip()[-300:])

    async def _stop(self) -> None:
        """End the program and whatever it started."""
        process, self._process = self._process, None
        if process is None:
            return
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, kind)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await process.wait()
                return

    def _file(self, name: str, value: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(value), "utf-8")
        path.chmod(0o600)
        return path

    def _last_words(self) -> str:
        """The end of what it said, without anything of its configuration."""
        text = " | ".join(word for word in self._words if word)[-600:] or "it says nothing"
        for secret in sorted(_texts(self._config), key=len, reverse=True):
            text = text.replace(secret, "…")
        return text


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    text = str(value)
    return [text] if len(text) >= _HIDDEN and not isinstance(value, bool) else []
