"""A sender that is killed among failing receivers: nothing is lost, nothing goes backwards, and what came twice is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from .faults import Faults

KILLS = 5


async def test_killed_among_failing_receivers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every revision arrives at every subscription, in order for each thing; twice only what was not written down when the sender died."""
    faults = Faults(tmp_path, 2026)
    report = await faults.run(KILLS)
    faults.close()
    with capsys.disabled():
        print(f"\n  {report}")
