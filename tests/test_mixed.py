"""Mixed requests of many people at once leave counts that every way to count agrees on."""

from __future__ import annotations

from pathlib import Path

from .mixed import prove


def test_counts_by_api_replay_and_plain_sql_agree(tmp_path: Path) -> None:
    """After saves, ratings and reads, 64 at a time: nothing is lost, nothing counts twice, no request fails for our sake."""
    answers = prove(tmp_path, 600, people=12, pages=20)
    assert {kind for kind, _ in answers} == {"add", "rate", "articles", "tags", "mine", "tag"}
    assert {200, 201, 400, 403, 404} == {status for _, status in answers}
