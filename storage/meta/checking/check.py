"""A check: a rule that the rows of a store keep at every moment, and what finds those that do not. Reads only.

Most checks are a query for what must not be. Such a query is written once for both databases; `{yes}` in it is how each
spells that a flag is set, in the words of the partial indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ..database.engine import Transaction

REPORT = (
    "No command of penstock leaves this behind: somebody wrote to the database, or it is a bug. Keep a copy of the "
    "database and report it with the output of `penstock db check --json`."
)
SHOWN = 20
"""So many violations of a check are kept word by word; all are counted."""


class Found(NamedTuple):
    """What breaks a rule: which rows, how they are, and how they should be; `advice`: what to do, where that is not
    what the check says."""

    rows: str
    found: str
    expected: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A rule, by a name that stays; `find` looks for what breaks it, `advice` says what is to be done then."""

    name: str
    rule: str
    find: Callable[[Transaction], Iterable[Found]]
    advice: str = REPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Rows that break a rule."""

    check: str
    rows: str
    found: str
    expected: str
    advice: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.rows}: {self.found}; expected {self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: how many violations, and the first of them."""

    name: str
    rule: str
    count: int
    violations: tuple[Violation, ...]


def asks(query: str, *, rows: str, found: str, expected: str) -> Callable[[Transaction], Iterator[Found]]:
    """What the rows of a query break. The sentences may name its columns: `"run {id}"`."""

    def find(tx: Transaction) -> Iterator[Found]:
        for row in asked(tx, query):
            yield Found(*(sentence.format_map(row) for sentence in (rows, found, expected)))

    return find


def asked(tx: Transaction, query: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, read as they are asked for; what is NULL is None and reads as "none"."""
    spelled = query.replace("{yes}", "true" if tx.dialect.name == "postgresql" else "1")
    for row in tx.execute(text(spelled).execution_options(yield_per=500)).mappings():
        yield {column: _Nothing() if value is None else value for column, value in row.items()}


class _Nothing:
    """NULL in a sentence."""

    def __str__(self) -> str:
        return "none"

    def __format__(self, spec: str) -> str:
        return "none"

    def __bool__(self) -> bool:
        return False


def of_partition(asset: object, key: object) -> str:
    """An asset or a dataset, with a key where there is one.

    >>> of_partition("daily", "2026-01-05"), of_partition("chunks", "")
    ('daily 2026-01-05', 'chunks')
    """
    return f"{asset} {key}".rstrip()


def instant(value: Any) -> str:
    """A time as both databases give it, in UTC."""
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def examine(tx: Transaction, checks: Sequence[Check], *, shown: int = SHOWN) -> Iterator[Checked]:
    """What each check finds in one snapshot, in their order; as it is found. One that rows are too damaged for says so,
    and the others go on."""
    for check in checks:
        try:
            with tx.begin_nested():  # PostgreSQL would answer nothing more after an error
                done = examined(check, check.find(tx), shown=shown)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            told = f"it could not be finished: {type(error).__name__}: {error}"
            done = examined(
                check, [Found("the check itself", told.splitlines()[0], "rows that it can read")], shown=shown
            )
        yield done


def examined(check: Check, found: Iterable[Found], *, shown: int = SHOWN) -> Checked:
    """All that was found is counted, and so much of it is kept."""
    left = iter(found)
    kept = tuple(
        Violation(
            check=check.name,
            rows=one.rows,
            found=one.found,
            expected=one.expected,
            advice=one.advice or check.advice,
        )
        for one in islice(left, shown)
    )
    return Checked(name=check.name, rule=check.rule, count=len(kept) + sum(1 for _ in left), violations=kept)
