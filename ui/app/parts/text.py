"""Text of users in Streamlit: shown as it is, never executed.

Names, metadata, errors and logs may hold HTML, Markdown, LaTeX, `:emoji:` and the escapes of a terminal. What Streamlit
renders as Markdown (labels, tables, captions) gets it through `plain`; what it shows verbatim (`st.text`, `st.code`)
through `visible`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^=@\"'/])")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_LINKED = re.compile(r"(?i:(?<=http)(?=://)|(?<=https)(?=://)|(?<=www)(?=\.))|(?=@[-\w]+\.\w)")
"""Where an address of the web or of a person is made a link, escaped or not: but not across an empty directive."""
_KEPT = "\n\t"


def visible(text: object) -> str:
    """Without what would move a cursor, colour a terminal or turn the direction of what follows; other characters
    without a shape are shown as their number.

    >>> visible("\\x1b[31mred\\x1b[0m \\x07 end")
    'red \\\\x07 end'
    """
    plain_text = _ESCAPES.sub("", str(text))
    if plain_text.isprintable():  # as nearly all is
        return plain_text
    return "".join(one if one in _KEPT or _has_shape(one) else _number(one) for one in plain_text)


def shortened(text: object, most: int) -> str:
    """Visible, in a line of at most so many characters.

    >>> shortened("a_long_name", 8)
    'a_long_…'
    """
    line = visible(text).replace("\n", " ")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def plain(text: object) -> str:
    """In one line, so that Markdown shows it as it is.

    >>> plain("*a* <b>")
    '\\\\*a\\\\* \\\\<b\\\\>'
    """
    return plain_part(" ".join(visible(text).split()))


def told(text: object) -> str:
    """A sentence of ours about things of users, in Markdown: what stands between backticks is shown as code.

    >>> told("Run `penstock up` for *a*")
    'Run `penstock up` for \\\\*a\\\\*'
    """
    parts = " ".join(visible(text).split()).split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(f"`{part}`" if inside % 2 else plain_part(part) for inside, part in enumerate(parts))


def pairs(values: Mapping[str, object]) -> str:
    """Parameters or metadata in a line, each value as JSON.

    >>> pairs({"size": 800, "by": "ännchen"})
    'size = 800, by = "ännchen"'
    """
    return ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in values.items())


def sentence(text: object) -> str:
    """What an error or a fact says of things of users, as it is, from a capital to a full stop, in Markdown.

    >>> sentence("there is no such run")
    'There is no such run.'
    """
    said = plain(text)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '!', '?')) else '.'}"


def plain_part(text: str) -> str:
    """As `plain`, of a part of a line: spaces at its ends are kept.

    >>> plain_part("see www.a.example")
    'see www:small[]\\\\.a\\\\.example'
    """
    return ":small[]".join(_MARKUP.sub(r"\\\1", part) for part in _LINKED.split(text))


def _has_shape(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _number(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
