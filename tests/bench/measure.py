"""
Measuring: what one contender took, each in a process of its own, in turns with its peers.

The machine is never quite still.  So contenders take turns within one run, what is compared is the ratio of their medians, and nothing is ever
compared with a figure of yesterday.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
CHILD_SECONDS = 3600


@dataclass(slots=True)
class Run:
    """What one contender did: *seconds* on the wall, *cpu* seconds of all its threads, *peak* memory in MiB (0: not measured alone)."""

    operations: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0
    more: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds if self.seconds else 0.0

    def work(self, peer: Run) -> float:
        """How many times less processor time an operation takes than a peer's."""
        return (peer.cpu / peer.operations) / (self.cpu / self.operations) if self.cpu and peer.operations else 0.0

    @contextmanager
    def watch(self, operations: int) -> Iterator[None]:
        """Add what happens within."""
        cpu, start = time.process_time(), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start
        self.cpu += time.process_time() - cpu
        self.operations += operations

    @classmethod
    def middle(cls, runs: Sequence[Self]) -> Run:
        """The median of several runs, figure by figure."""
        names = runs[0].more
        return Run(
            runs[0].operations,
            median(run.seconds for run in runs),
            median(run.cpu for run in runs),
            max(run.peak for run in runs),
            {name: median(run.more[name] for run in runs) for name in names},
        )


def memory(pid: int | str = "self", *, peak: bool = False) -> float:
    """Resident memory of a process in MiB, now or at its *peak* since it began; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    wanted = "VmHWM:" if peak else "VmRSS:"
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(wanted)), 0.0)


def child(name: str, **arguments: Any) -> dict[str, Run]:
    """Run a contender (see ``child.py``) in a process of its own; what it measured, by name, with the memory it needed."""
    command = [sys.executable, "-m", "tests.bench.child", name, json.dumps(arguments, default=str)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
    if done.returncode:
        raise SystemExit(f"the contender {name} failed:\n{done.stderr[-4000:]}")
    return {key: Run(**value) for key, value in json.loads(done.stdout.splitlines()[-1]).items()}


def told(runs: Mapping[str, Run]) -> str:
    """What a child prints for ``child``."""
    if len(runs) == 1:
        for run in runs.values():
            run.peak = memory(peak=True)
    return json.dumps({name: asdict(run) for name, run in runs.items()})


def in_turns(rounds: int, contenders: Mapping[str, Mapping[str, Any]], of: str = "") -> dict[str, Run]:
    """Let contenders (name -> arguments) take turns, in both directions; the median of each.  A name is that of the child, unless all are *of* one."""
    found: dict[str, list[Run]] = {}
    names = list(contenders)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            for key, run in child(of or name, **contenders[name]).items():
                found.setdefault(key, []).append(run)
    return {key: Run.middle(runs) for key, runs in found.items()}
