"""
A mail server that follows a script: what it hears decides which recorded answer it gives.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

TAG = re.compile(rb"^A########", re.MULTILINE)


@dataclass
class Script:
    """*answers* by a pattern of the command (without its tag), the first that fits; *heard* is all that was said."""

    greeting: bytes
    answers: Mapping[str, bytes]
    heard: list[str] = field(default_factory=list)

    def answer(self, tag: bytes, command: str) -> bytes:
        """The recorded answer with this command's tag and lines as the wire has them; ``OK`` for what no pattern fits."""
        self.heard.append(command)
        found = next((text for pattern, text in self.answers.items() if re.match(pattern, command, re.IGNORECASE)), b"A######## OK done\n")
        return re.sub(rb"\r?\n", b"\r\n", TAG.sub(tag, found))


@contextmanager
def playing(script: Script) -> Iterator[int]:
    """The port of a server that follows the script."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(re.sub(rb"\r?\n", b"\r\n", script.greeting))
            while line := self.rfile.readline():
                tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
                if tag == b"DONE":
                    continue
                self.wfile.write(script.answer(tag, rest.decode("utf-8", "replace")))
                if rest.upper() == b"LOGOUT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
