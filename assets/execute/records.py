"""Records of Python's logging as lines of a stream: `warning page 2 is empty`, the level before each line.

What a warm process writes so to a pipe of its own, or an attempt inline to its log, is read by
`penstock.storage.logs`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

OWN = "penstock.asset"
"""Loggers below this name are those of `ctx.log`: their lines need no name before them."""
_FORMAT = logging.Formatter()


def lines_of(record: logging.LogRecord) -> bytes:
    """A record as lines, its traceback after it.

    >>> lines_of(logging.LogRecord("shop.web", logging.WARNING, "", 0, "page %d\\nis empty", (2,), None))
    b'warning shop.web: page 2\\nwarning is empty\\n'
    """
    level = record.levelname.lower().replace(" ", "-") or "-"
    text = record.getMessage()
    if not record.name.startswith(OWN):
        text = f"{record.name}: {text}"
    if record.exc_info and not record.exc_text:
        record.exc_text = _FORMAT.formatException(record.exc_info)
    for more in (record.exc_text, _FORMAT.formatStack(record.stack_info) if record.stack_info else ""):
        text += f"\n{more}" if more else ""
    return "".join(f"{level} {line}\n" for line in text.split("\n")).encode("utf-8", "backslashreplace")


class Records(logging.Handler):
    """Hands each record on as lines; one that cannot be formatted is told as `logging` tells it."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        try:
            self._write(lines_of(record))
        except Exception:
            self.handleError(record)
