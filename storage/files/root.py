"""Which root this is: a file in it that says so, whatever the path by which it is reached.

A folder's path does not tell: a link leads to it, it is moved, copied, or the disk that should stand there is not
mounted and an empty folder stands in its place. What the database keeps for a root is for the one that has this file.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from .faults import faults
from .objects import seal, sync_names

_NAME = "root"


def root_id(hidden: str) -> str:
    """What tells the root apart whose own folder this is, `<root>/.penstock`; "" where it has no such file, or cannot
    be read."""
    try:
        return Path(hidden, _NAME).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=1024)
def known_root(hidden: str) -> str:
    """The same, made and on the disk where there was none.

    Raises
    ------
    StorageFault: it cannot be written.
    """
    return root_id(hidden) or _made(hidden)


def _made(hidden: str) -> str:
    path = f"{hidden}/{_NAME}"
    aside = f"{path}~{os.getpid()}-{threading.get_ident()}"
    with faults(dataset="", doing="preparing", path=hidden):
        os.makedirs(hidden, exist_ok=True)
        Path(aside).write_text(f"{uuid4().hex}\n", encoding="ascii")
        seal(aside)
        try:
            os.link(aside, path)
        except OSError:  # another process was faster; or the file is torn, or the file system has no links
            if not root_id(hidden):
                os.replace(aside, path)
        with suppress(FileNotFoundError):
            os.unlink(aside)
        sync_names([path])
    return root_id(hidden)
