"""
What all commands share: where the locker is, what an exit code means, and how an error is told.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import update_wrapper
from typing import Any

import click

from ..application import Applications
from ..error import Invalid, LockerError, NotFound, QueryError
from ..guard import Guard
from ..locker import Locker
from ..settings import Settings
from .progress import Progress
from .table import clean

OK, REPORT, USAGE, MISSING, FAILED, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

EXIT_CODES = """\
  0    done (also when whoever reads the output had enough of it)
  1    done, but there is something to look at: unreadable entries, findings
  2    the command, an option, a setting or a query is wrong
  3    there is no such file, record, object, type or locker
  4    it did not work: the disk, a damaged store, another process, a port
  5    a mistake in Locker itself
  130  interrupted; what was finished is kept, running it again goes on
"""

Command = Callable[..., int | None]


class Example(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand, however long they are."""
        with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


class Examples(Example, click.Group):
    """A group of commands whose help ends with examples."""


class Commands(click.Group):
    """The program: runs a command, and turns whatever goes wrong into one line and an exit code."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the exit codes mean."""
        with formatter.section("Exit codes"):
            formatter.write(EXIT_CODES)
        super().format_epilog(ctx, formatter)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, then exit with a code."""
        extra["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        sys.exit(self._run(lambda: super(Commands, self).main(*args, **extra)))

    def invoke(self, ctx: click.Context) -> int:
        """Run the command that was asked for; its exit code."""
        return self._run(lambda: super(Commands, self).invoke(ctx))

    def _run(self, job: Callable[[], Any]) -> int:
        try:
            code = job()
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody reads on.  Python would complain once more when it flushes at its end.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        except (KeyboardInterrupt, click.Abort):
            tell("interrupted; what was finished is kept, run it again to go on")
            return INTERRUPTED
        except click.exceptions.Exit:
            raise
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            tell(f"{error.format_message().rstrip('.')}; see {context.command_path if context else 'locker'} --help")
            return USAGE
        except Exception as error:
            return told(error)
        return code if isinstance(code, int) else OK


def told(error: Exception) -> int:
    """Tell of an error in one line, with its traceback only for whoever debugs; the exit code."""
    if os.environ.get("LOCKER_LOG_LEVEL", "").casefold() == "debug":
        logging.getLogger("locker").debug("the error below", exc_info=error)
    if isinstance(error, LockerError):
        tell(str(error))
        if isinstance(error, QueryError) and error.text:
            click.echo(clean(error.caret(), keep="\n"), err=True)
        return MISSING if isinstance(error, NotFound) else USAGE if isinstance(error, Invalid) else FAILED
    if isinstance(error, OSError):
        tell(str(error))
        return FAILED
    tell(f"a mistake in Locker itself: {type(error).__name__}: {error}; LOCKER_LOG_LEVEL=debug shows where")
    return BUG


def tell(message: str) -> None:
    """One red line."""
    click.secho(f"locker: {clean(message)}", fg="red", err=True)


def place(function: Command) -> Command:
    """Let a command take ``--data`` and ``--owner``, and hand it ``settings``."""

    def run(*args: Any, data: str | None, owner: str | None, **kwargs: Any) -> int | None:
        return function(*args, settings=settled(data=data, owner=owner), **kwargs)

    decorated = update_wrapper(run, function)
    decorated = click.option("--owner", metavar="NAME", help="Whose data it is (or LOCKER_OWNER).  [default: me]")(decorated)
    return click.option("--data", metavar="DIR", help="The locker's folder (or LOCKER_DATA).  [default: ./data in a checkout]")(decorated)


as_json = click.option("--json", "json", is_flag=True, help="Print JSON instead of a table.")


def settled(**overrides: object) -> Settings:
    """The settings of this start; also sets up what is logged, to standard error."""
    settings = Settings.read(os.environ, **overrides)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return settings


@contextmanager
def opened(settings: Settings, *, make: bool = False) -> Iterator[Locker]:
    """The locker, open.  Raises NotFound if there is none and it is not to be made."""
    if not make and not (settings.data / "log.sqlite").exists():
        raise NotFound(f"there is no locker in {settings.data}; 'locker import' makes one, --data names another folder")
    with Locker(
        settings.data,
        plugins=settings.plugins,
        keys=settings.keys,
        secret=settings.secret,
        old_secret=settings.old_secret,
        guard=Guard(settings.allow_networks),
        applications=Applications(settings.oauth_clients),
        singer=settings.singer,
    ) as locker:
        yield locker


@contextmanager
def current(settings: Settings) -> Iterator[Locker]:
    """The locker, open, with everything that was appended composed and ready for queries."""
    with opened(settings) as locker:
        with Progress("composing", patience=1.0) as progress:
            locker.catch_up(progress.update)
        yield locker
