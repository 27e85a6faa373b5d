"""What a person reads when something is wrong: a sentence and the next step; and the exit code that goes with it."""

from __future__ import annotations

import traceback

from ...storage.errors import DefinitionError, PenstockError, SettingsFault, UsageError
from .console import err, say, say_verbatim

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
_WRONG_USE = (UsageError, DefinitionError, SettingsFault)


def exit_code(error: BaseException) -> int:
    """2 where the command line, a definition or a setting is to be changed; 1 for everything else."""
    return WRONG_USE if isinstance(error, _WRONG_USE) else FAILED


def tell(error: BaseException, *, trace: bool) -> int:
    """Show an error on standard error; returns the exit code. With `trace`, everything that led to it comes first."""
    console = err()
    if trace:
        say_verbatim(console, "".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, PenstockError):
        say(console, ("Error: ", "bold red"), error.message)
        hint = error.hint
    else:
        say(console, ("Error: ", "bold red"), f"penstock did not expect this: {type(error).__name__}: {error}")
        hint = "Please report it, with what --traceback shows." if not trace else "Please report it, with the above."
    if hint:
        say(console, (hint, "dim"))
    return exit_code(error)


def interrupted() -> int:
    """Say that the person stopped it; returns the exit code."""
    say(err(), "Interrupted. What was published stays; the same command goes on from there.")
    return INTERRUPTED


def left(code: object) -> int:
    """Say that code of the project ended the process (`sys.exit`); returns the exit code."""
    say(
        err(),
        ("Error: ", "bold red"),
        f"code of the project called sys.exit({'' if code is None else repr(code)}), which ends what runs it.",
    )
    say(err(), ("Raise an exception instead, or return.", "dim"))
    return FAILED
