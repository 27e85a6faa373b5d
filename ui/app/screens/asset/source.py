"""The source code of an asset: where its definition says it stands. Read as text, never imported."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from textwrap import dedent

import streamlit as st

from .....assets.declare.catalogue import Asset
from ...parts.says import empty
from ...parts.text import plain, visible

_LINES = 80


def source(asset: Asset) -> None:
    """The lines from its definition on, as they are on this machine now."""
    where = asset.location
    if where is None:
        empty("It is not recorded where its code stands", "Nothing to do: not every producer has a file.")
        return
    st.caption(plain(f"{where.file}, line {where.line}"))
    text = _lines(Path(where.file), where.line)
    if text is None:
        empty("Its file is not on this machine", "Start the app where the project's files are, to see its code.")
        return
    st.code(visible(text), language="python", wrap_lines=True)


def _lines(file: Path, first: int) -> str | None:
    """From the decorator to where the next definition begins."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            found = list(islice(lines, max(first - 1, 0), first - 1 + _LINES))
    except OSError:
        return None
    kept: list[str] = []
    inside, own = False, 0
    for line in found:
        begins = line.lstrip().startswith(("def ", "async def "))
        indent = len(line) - len(line.lstrip())
        if inside and line.strip() and indent <= own and not line.lstrip().startswith((")", "#")):
            break
        if begins and not inside:
            inside, own = True, indent
        kept.append(line)
    return dedent("".join(kept)).rstrip()
