"""Writing for people: tables, lines and errors, on a terminal or into a pipe.

Whatever comes from outside (names, messages, values) passes `clean`: no text of a project may steer the terminal, and
none is taken for markup. Nothing is cut for want of room: what is too long is wrapped, and without a terminal, where
no `COLUMNS` says otherwise, lines are as long as they are, so that other tools find a row on a line.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_WIDE = 10_000
_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS and their kin: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), "\ufffd")
_DIRECTIONS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C))
_HARMLESS = {**_CONTROLS, **_DIRECTIONS, ord("\n"): "\n", ord("\t"): "    ", ord("\r"): ""}


def silence(stream: object) -> None:
    """Whatever is still written to the stream goes nowhere, also what it holds back and flushes at the end."""
    try:
        descriptor = stream.fileno()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)  # pyright: ignore[reportUnknownArgumentType]
    os.close(nowhere)


def print_json(value: Any) -> None:
    """JSON-ready data on standard output, as every program reads it, whatever the terminal's encoding."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    print(json.dumps(value, indent=2, ensure_ascii=encoding != "utf8"), file=sys.stdout)  # noqa: T201


def out() -> Console:
    """Where answers go."""
    return _console(sys.stdout)


def err() -> Console:
    """Where progress and errors go."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    wide = not stream.isatty() and not os.environ.get("COLUMNS", "").isdigit()
    return Console(file=stream, markup=False, emoji=False, highlight=False, width=_WIDE if wide else None)


def clean(text: object, *, lines: bool = False) -> str:
    """The text without anything that steers a terminal; with `lines`, it may have several.

    >>> clean("a\\x1b[31mb\\x07c\\nd")
    'ab�c d'
    """
    harmless = _SEQUENCES.sub("", str(text)).translate(_HARMLESS)
    return harmless if lines else harmless.replace("\n", " ")


class Gives(IntEnum):
    """Whether, and when, a column gives way where there is not enough room; what gives way is wrapped, never cut."""

    NEVER = 0
    FIRST = 1  # sentences
    LAST = 2  # names: wrapped in the middle of a word if need be


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    title: str
    style: str = ""
    right: bool = False
    gives: Gives = Gives.NEVER


Cell = str | Text
_GAP = 2
_LEAST = {Gives.FIRST: 15, Gives.LAST: 12}
"""Characters down to which they give way in turn, before they do so further."""


def table(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, indent: int = 0) -> None:
    """Print a table of cells; cells of text are cleaned."""
    cells = [[cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row] for row in rows]
    widths = fitted(natural_widths(columns, cells), [column.gives for column in columns], console.width - indent)
    made = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    made.show_header = any(column.title for column in columns)
    for column, width in zip(columns, widths, strict=True):
        justify = "right" if column.right else "left"
        made.add_column(column.title, style=column.style, justify=justify, width=width, overflow="fold")
    for row in cells:
        made.add_row(*row)
    console.print(Padding(made, (0, 0, 0, indent), expand=False))


def natural_widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """How wide the columns of a table are where there is room."""
    lengths = [[cell.cell_len if isinstance(cell, Text) else cell_len(clean(cell)) for cell in row] for row in rows]
    return [max([cell_len(column.title), *(row[at] for row in lengths)]) for at, column in enumerate(columns)]


def fitted(natural: Sequence[int], gives: Sequence[Gives], room: int) -> list[int]:
    """Widths of columns that fit into a room where that is possible: the natural ones, less what has to be given.

    Sentences give way first, down to 15 characters, then names, down to 12; if need be, both further.

    >>> fitted([30, 8, 50], [Gives.LAST, Gives.NEVER, Gives.FIRST], 80)
    [30, 8, 38]
    """
    widths = list(natural)
    excess = sum(widths) + _GAP * (len(widths) - 1) - room
    for turn, least in (*_LEAST.items(), (Gives.FIRST, 9), (Gives.LAST, 6)):
        giving = [place for place, one in enumerate(gives) if one is turn]
        while excess > 0 and giving:
            widest = max(giving, key=lambda place: widths[place])
            if widths[widest] <= least:
                break
            widths[widest] -= 1
            excess -= 1
    return widths


def fits(natural: Sequence[int], gives: Sequence[Gives], room: int) -> bool:
    """Whether columns that never give way need not in a room of this width.

    >>> fits([30, 8, 50], [Gives.LAST, Gives.NEVER, Gives.FIRST], 39), fits([30, 8], [Gives.NEVER, Gives.NEVER], 39)
    (True, False)
    """
    least = (min(width, _LEAST.get(one, width)) for width, one in zip(natural, gives, strict=True))
    return sum(least) + _GAP * (len(gives) - 1) <= room


_STYLES = {
    "success": "green",
    "changed": "green",
    "run": "green",
    "current": "green",
    "confirmed": "cyan",
    "possible": "cyan",
    "skipped": "dim",
    "skip": "dim",
    "held": "yellow",
    "hold": "yellow",
    "canceled": "yellow",
    "refused": "yellow",
    "running": "blue",
    "failed": "bold red",
}


def word(state: str) -> Text:
    """A word that says how something stands, in its colour; the word alone tells it too."""
    return Text(clean(state.replace("_", " ")), style=_STYLES.get(state, ""))


def say(console: Console, *parts: Cell | tuple[str, str]) -> None:
    """A line or several, each wrapped under its own beginning; a part may have a style: `("failed", "red")`."""
    text = Text()
    for part in parts:
        match part:
            case Text():
                text.append_text(part)
            case (content, style):
                text.append(clean(content, lines=True), style=style)
            case _:
                text.append(clean(part, lines=True))
    for line in text.split("\n", allow_blank=True):
        indent = len(line.plain) - len(line.plain.lstrip(" "))
        if not console.is_terminal and line.cell_len <= console.width:  # what rich would write, for a tenth of the time
            console.file.write(f"{line.plain}\n" if line.plain.strip() else "\n")
            console.file.flush()
            continue
        console.print(Padding(line[indent:], (0, 0, 0, indent), expand=False) if line.plain.strip() else Text())


def say_verbatim(console: Console, text: str) -> None:
    """Lines as they are, however long: traces, which people copy."""
    console.print(Text(clean(text, lines=True)), soft_wrap=True)
