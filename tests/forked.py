"""
Processes of their own that start fast: each is forked from one that has everything imported.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import get_context
from pathlib import Path

from locker.__main__ import main

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.crashing", __name__])


def command(*arguments: str, environ: dict[str, str], folder: Path, input: str = "") -> tuple[int | None, str, str]:
    """Run a command as ``python -m locker`` does, in a folder and an environment; its exit code, what it printed, and standard error."""
    said, told, given = folder / ".stdout", folder / ".stderr", folder / ".stdin"
    given.write_text(input, encoding="utf-8")
    process = PROCESSES.Process(target=_run, args=(arguments, environ, folder, (given, said, told)))
    process.start()
    process.join(120)
    try:
        return process.exitcode, said.read_text(encoding="utf-8"), told.read_text(encoding="utf-8")
    finally:
        process.kill()
        for path in (given, said, told):
            path.unlink(missing_ok=True)


def _run(arguments: tuple[str, ...], environ: dict[str, str], folder: Path, streams: tuple[Path, Path, Path]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    for number, path in enumerate(streams):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate(("r", "w", "w"))
    )
    sys.argv = ["locker", *arguments]
    main()
