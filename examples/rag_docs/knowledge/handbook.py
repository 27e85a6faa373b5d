"""Documents of a folder of Markdown files with front matter.

Reads the folder it is given and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .documents import Document


def read_handbook(folder: Path) -> Iterator[Document]:
    """Yield one document per `*.md` in `folder` and below: `handbook:on-duty`, titled and licensed by its front matter.

    A file that states no licence gets `unknown`: it shows in the licence report, where somebody will ask.
    """
    for path in sorted(folder.rglob("*.md")):
        fields, text = split_front_matter(path.read_text(encoding="utf-8"))
        name = path.relative_to(folder).with_suffix("").as_posix()
        licence = fields.get("licence", "unknown")
        yield Document(f"handbook:{name}", fields.get("title", name), "handbook", licence, text.strip())


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """`key: value` lines between two lines of `---` at the top, and the text below them; no front matter gives `{}`.

    >>> split_front_matter("---\\ntitle: On duty\\n---\\n# On duty")
    ({'title': 'On duty'}, '# On duty')
    """
    opening, fence, rest = text.partition("---\n")
    head, closing, body = rest.partition("\n---\n")
    if opening or not fence or not closing:
        return {}, text
    pairs = (line.partition(":") for line in head.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}, body
