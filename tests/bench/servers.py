"""
Servers as child processes on free ports of 127.0.0.1: the locker's, and those it is measured against.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from .measure import ROOT, memory

READY_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; *began* says how long it took from the start of its process until it was ready, in seconds."""

    name: str
    port: int
    process: subprocess.Popen[str]
    began: float

    def processor(self) -> float:
        """Seconds of processor time it used up to now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, *, peak: bool = False) -> float:
        """Resident memory in MiB."""
        return memory(self.process.pid, peak=peak)

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def locker(data: Path, *options: str) -> Server:
    """``locker serve`` over a folder, without limits."""
    return start("locker", ["locker", "serve", "--data", str(data), "--trust-loopback", "--rate-limit", "0", *options], "--port", "ready")


def hand_written(spec: Path) -> Server:
    """The aiohttp handlers of ``peer_server.py``."""
    return start("aiohttp", ["tests.bench.peer_server", str(spec)], "", "ready")


def datasette(file: Path) -> Server:
    """Datasette over a SQLite file that nobody writes, with its own default settings."""
    return start("datasette", ["datasette", "serve", "--immutable", str(file), "--host", "127.0.0.1"], "--port", "Uvicorn running")


def start(name: str, module: Sequence[str], port_option: str, ready: str) -> Server:
    """Start ``python -m module …`` on a free port, and wait for the line that says that it is ready."""
    port = free_port()
    began = time.perf_counter()
    command = [sys.executable, "-m", *module, *([port_option] if port_option else []), str(port)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("LOCKER_")} | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ)
    assert process.stdout
    told = ""
    for line in process.stdout:
        told += line
        if re.search(ready, line):
            Thread(target=_drain, args=(process.stdout,), daemon=True).start()
            return Server(name, port, process, time.perf_counter() - began)
        if time.perf_counter() - began > READY_SECONDS:
            break
    process.kill()
    raise SystemExit(f"the server {name} did not start:\n{told[-3000:]}")


def _drain(lines: IO[str]) -> None:
    """Read on, or a server that logs every request would stand still when the pipe is full."""
    for _ in lines:
        pass


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(*servers: Server) -> Iterator[tuple[Server, ...]]:
    """Stop them at the end, whatever happens."""
    try:
        yield servers
    finally:
        for server in servers:
            server.stop()
