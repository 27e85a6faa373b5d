"""What a person reads when something is wrong: a sentence and the next step; and the exit code that goes with it.

What a program reads, with `--json`: one object on standard output, `{"error": {"kind", "message", "hint", "faults"}}`,
and the same exit code. `faults` has every fault of faulty definitions with its own kind, message, hint, file and line;
it is empty for any other error.
"""

from __future__ import annotations

import traceback
from typing import Any

from ...storage.errors import Bug, DefinitionError, PenstockError, ProducerError, SettingsFault, UsageError, named
from .console import err, print_json, say, say_verbatim

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
_WRONG_USE = (UsageError, DefinitionError, SettingsFault)


def exit_code(error: BaseException) -> int:
    """2 where the command line, a definition or a setting is to be changed; 1 for everything else."""
    return WRONG_USE if isinstance(error, _WRONG_USE) else FAILED


def tell(error: BaseException, *, trace: bool, json: bool = False) -> int:
    """Show an error; returns the exit code. With `trace`, everything that led to it comes first, on standard error."""
    if trace:
        say_verbatim(err(), "".join(traceback.format_exception(error)).rstrip())
    faults = getattr(error, "faults", ())  # of `FaultyDefinitions`, which `penstock --help` must not load
    if json and faults and isinstance(error, DefinitionError):
        _show_plain(error.kind, error.message.partition(":\n")[0], error.hint, [_plain(one) for one in faults])
    elif isinstance(error, PenstockError):
        _show(error.kind, error.message, error.hint, json=json)
    else:
        hint = "Please report it, with what --traceback shows." if not trace else "Please report it, with the above."
        _show(Bug.kind, f"penstock did not expect this: {named(error)}", hint, json=json)
    return exit_code(error)


def wrong_use(message: str, *, usage: str, json: bool) -> None:
    """Tell that the command line is not right; `usage` is how it is written, such as `"Usage: penstock runs [RUN]"`,
    or ""."""
    hint = "`penstock --help` shows the commands, `penstock COMMAND --help` one."
    _show(UsageError.kind, message, f"{usage}; {hint}" if usage else hint, json=json)


def interrupted(error: KeyboardInterrupt, *, json: bool = False) -> int:
    """Say that the person stopped it, or SIGTERM did; returns the exit code."""
    code = int(getattr(error, "exit_code", INTERRUPTED))  # of `Terminated`, which `penstock --help` must not load
    text = "Interrupted." if code == INTERRUPTED else "Terminated."
    rest = "What was published stays; the same command goes on from there."
    if json:
        _show_plain(text.rstrip(".").lower(), text, rest)
    else:
        say(err(), f"{text} {rest}")
    return code


def left(code: object, *, json: bool = False) -> int:
    """Say that code of the project ended the process (`sys.exit`); returns the exit code."""
    shown = "" if code is None else repr(code)
    message = f"code of the project called sys.exit({shown}), which ends what runs it."
    _show(ProducerError.kind, message, "Raise an exception instead, or return.", json=json)
    return FAILED


def unwritten(error: OSError) -> int:
    """Say that the answer could not be written, where it still can be said; returns the exit code."""
    message = f"standard output cannot be written: {error.strerror or error}"
    _show("environment", message, "What the command did is done; send what it prints elsewhere.", json=False)
    return FAILED


def _show(kind: str, message: str, hint: str, *, json: bool) -> None:
    if json:
        _show_plain(kind, message, hint)
        return
    say(err(), ("Error: ", "bold red"), message)
    if hint:
        say(err(), (hint, "dim"))


def _show_plain(kind: str, message: str, hint: str, faults: list[dict[str, Any]] | None = None) -> None:
    print_json({"error": {"kind": kind, "message": message, "hint": hint, "faults": faults or []}})


def _plain(fault: Any) -> dict[str, Any]:
    where = fault.where
    return {
        "kind": fault.kind,
        "message": fault.message,
        "hint": fault.hint,
        "file": None if where is None else where.file,
        "line": None if where is None else where.line,
    }
