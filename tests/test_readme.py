"""The README and the guides hold what they promise: the tour runs as printed, and every link leads somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from locker.command.frame import EXIT_CODES
from tests.commands import COMMANDS, ROOT, ok

README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> list[str]:
    """The shell blocks of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shell(folder: Path, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run lines in a folder, with ``locker`` being this checkout's; the first that fails ends it."""
    tools = folder / ".bin"
    tools.mkdir(exist_ok=True)
    (tools / "locker").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m locker "$@"\n')
    (tools / "locker").chmod(0o755)
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tools}:{os.environ['PATH']}", **environ}
    return subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=given, capture_output=True, text=True, timeout=100, check=False)


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip where a tool is not installed."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} missing")


@needs("curl")
def test_the_tour_runs_as_printed(tmp_path: Path) -> None:
    """Ten lines, each a command; run in order in a folder with the samples, they answer what they say."""
    (tour,) = blocks(README)
    assert 10 == len(tour.splitlines())
    shutil.copytree(ROOT / "data/sample", tmp_path / "data/sample")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = tour.replace("8042", str(port)).replace(" &   ", ' & trap "kill $!; wait" EXIT\n#')
    done = shell(tmp_path, script)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "" == done.stderr
    said = done.stdout
    assert re.search(r"^twitter +twitter-archive +17 ", said, re.MULTILINE)
    assert re.search(r"^contact +\d+ +json \d+, mbox 10, twitter-archive 4, vcard 12$", said, re.MULTILINE)
    records = sum(int(n) for n in re.findall(r"^[\w.]+ +(?:vcard|mbox|twitter-archive|json) +(\d+) ", said, re.MULTILINE))
    assert f"# {records} records became" in tour
    assert "object contact:1: contact of " in said
    assert re.search(r"^contacts.vcf +vcard +0 +0 +0 +12 +0$", said, re.MULTILINE)
    assert '"fields"' not in said
    assert '[{"id":"contact:' in said
    assert "everything is as it should be" in said


def test_the_readme_says_it_in_short() -> None:
    """What it is stands in three sentences at the top; the two commands follow."""
    top = README.split("\n\n")[1].replace("\n", " ")
    assert 3 == len(re.findall(r"\.(?= [A-Z]|$)", top))
    assert README.index("make demo") < README.index("make test") < README.index("```sh")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(guide: Path) -> None:
    """Every relative link, and every file of ours that a guide names, is there."""
    text = guide.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (guide.parent / target).exists(), target
    for name in re.findall(r"`((?:locker|connectors|collections|api|schemas|tests|docs)/[\w./-]+\.\w+)`", text):
        assert (ROOT / name).exists(), name


def test_the_readme_names_every_guide() -> None:
    """Each page in docs/ is one click away."""
    assert [] == [guide.name for guide in GUIDES[1:] if f"]({guide.relative_to(ROOT)})" not in README]


def test_the_guide_names_every_command_and_exit_code() -> None:
    """docs/command-line.md has a section for each command, with its options, and the exit codes of the help."""
    text = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    assert COMMANDS == sorted(re.findall(r"^### locker (\w+)", text, re.MULTILINE))
    for line in EXIT_CODES.splitlines():
        code, meaning = line.split(maxsplit=1)
        assert re.search(rf"^\| {code} \| {re.escape(meaning)} \|$", text, re.MULTILINE), line
    for name in COMMANDS:
        section = re.split(r"^##", text.partition(f"### locker {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ok(name, "--help"))) - {"--help", "--data", "--owner"}
        said = set(re.findall(r"--[a-z][a-z-]+", section))
        assert set() == {option for option in options if name != "serve" and option not in said and not option.startswith("--no-")}, name


def test_the_architecture_names_every_table(tmp_path: Path) -> None:
    """docs/architecture.md says of every table of a log store what it is and who writes it, and names none that there is not."""
    ok("import", ROOT / "data/sample/contacts.vcf", data=tmp_path)
    with sqlite3.connect(tmp_path / "log.sqlite") as log:
        tables = {name for (name,) in log.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")}
    log.close()
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("## The store: log.sqlite")[2].partition("\n## ")[0]
    assert tables == {name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}


def test_the_commands_of_the_demo_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every locker command that make demo runs succeeds, in its order, and each of its three questions has an answer."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ndemo: $(VENV)")[2].partition("\n\n")[0]
    commands = [
        shlex.split(each.replace("$(SAMPLE)", "data/sample")) for each in re.findall(r"^\t\$\(BIN\)/locker (.*)", recipe, re.MULTILINE)
    ]
    assert 11 == len(commands)
    monkeypatch.chdir(ROOT)
    for arguments in commands:
        said = ok(*arguments, data=tmp_path)
        assert arguments[0] != "get" or len(said.splitlines()) > 3


@needs("sqlite3", "xxd", "sha256sum")
def test_auditing_works_as_written(tmp_path: Path) -> None:
    """Every command of docs/auditing.md runs, one page after the other, over a locker of the samples, and says what it promises."""
    ok("import", ROOT / "data/sample/contacts.vcf", ROOT / "data/sample/mail.mbox", data=tmp_path)
    text = (ROOT / "docs/auditing.md").read_text(encoding="utf-8")
    done = shell(tmp_path, "\n".join(blocks(text)), LOCKER_DATA=str(tmp_path))
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    (script,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    audit = tmp_path / "audit.py"
    audit.write_text(script)
    run = [sys.executable, "-I", str(audit), str(tmp_path / "log.sqlite")]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"\d+ records, 0 erased: all as written\n", said)
    subprocess.run(
        [
            "sqlite3",
            tmp_path / "log.sqlite",
            "DROP TRIGGER records_are_never_changed; UPDATE stored_events SET body = '{}' WHERE position = 7",
        ],
        check=True,
    )
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (1, True) == (done.returncode, "me/vcard:7 was changed" in done.stdout)
