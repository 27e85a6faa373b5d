"""The error tree of penstock: one base, three branches, by what a handler would do.

    PenstockError
    ├── DefinitionError          the user's definitions are wrong: change them
    │   └── InvalidURI           a URI cannot be a dataset's identity
    ├── EnvironmentFault         the machine, the disk or the database: mend it, then try again
    │   ├── StorageFault         bytes cannot be read, written or verified
    │   ├── DatabaseFault        the metadata store cannot be opened or is of another version
    │   ├── MissingExtra         an optional library is not installed
    │   ├── MissingSecret        nobody has a secret that is asked for
    │   └── SettingsFault        a setting cannot be read
    ├── UsageError               a call or a command line asks for what is not there
    ├── ProducerError            the user's producer failed or gave something that cannot be kept
    │   └── ValueMismatch        annotation, value and suffix do not go together
    └── Bug                      an invariant of penstock itself does not hold: report it

Every message names the thing, what was found, what was expected; `hint` is the next step.
`kind` is stable: programs and stored reasons may rely on it, messages may change.
"""

from __future__ import annotations

from typing import ClassVar


def worded(error: BaseException) -> str:
    """The text of an error that is not ours, whatever its own `__str__` does."""
    try:
        return str(error)
    except BaseException as why:
        if stops(why):
            raise
        return f"(its text cannot be made: {type(why).__name__})"


def stops(error: BaseException) -> bool:
    """Whether somebody stops the program, by Ctrl-C or SIGTERM. Whatever else code of the user raises is a failure of
    that code, also what is no `Exception`: `sys.exit`, a panic of polars, the `CancelledError` of a task it awaited.

    >>> stops(KeyboardInterrupt()), stops(SystemExit(1)), stops(ValueError())
    (True, False, False)
    """
    return isinstance(error, KeyboardInterrupt)


def typed(kind: str, text: str) -> str:
    """What an error says behind the name of its type; the name alone where it says nothing.

    >>> typed("ValueError", "no such day"), typed("CancelledError", "")
    ('ValueError: no such day', 'CancelledError')
    """
    return f"{kind}: {text}" if text.strip() else kind


def named(error: BaseException) -> str:
    """An error that is not ours in words: its type, and what it says."""
    return typed(type(error).__name__, worded(error))


class PenstockError(Exception):
    """Anything that penstock itself raises; `str(error)` is the sentence, with the next step."""

    kind: ClassVar[str] = "penstock"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class DefinitionError(PenstockError):
    """The definitions are wrong; nothing was run."""

    kind = "definition"


class InvalidURI(DefinitionError):
    """A URI cannot be the identity of a dataset."""

    kind = "invalid_uri"


class EnvironmentFault(PenstockError):
    """The machine, the disk or the database is not as it must be."""

    kind = "environment"


class StorageFault(EnvironmentFault):
    """Bytes cannot be read, written or verified."""

    kind = "storage"


class DatabaseFault(EnvironmentFault):
    """The metadata store cannot be opened, or was written by another version."""

    kind = "database"


class MissingExtra(EnvironmentFault):
    """An optional library is needed; the message says what to install."""

    kind = "missing_extra"


class UnknownProtocol(MissingExtra):
    """No library that is installed knows the protocol of a URI: perhaps there is nothing to be read behind it."""


class MissingSecret(EnvironmentFault):
    """Nobody has a secret that is asked for; the message says where it was looked for."""

    kind = "missing_secret"


class SettingsFault(EnvironmentFault):
    """A setting cannot be read or is not of its type."""

    kind = "settings"


class UsageError(PenstockError):
    """A call or a command line asks for something that is not there."""

    kind = "usage"


class ProducerError(PenstockError):
    """The user's producer failed, or gave something that cannot be kept."""

    kind = "producer"


class ValueMismatch(ProducerError):
    """The annotation, the value and the suffix of the URI do not go together."""

    kind = "value_mismatch"


class Bug(PenstockError):
    """An invariant of penstock itself does not hold."""

    kind = "bug"
