"""Documents of the running interpreter: docstrings of the standard library and the topics of `pydoc`.

Source files are parsed, not imported. Never reads what is outside the interpreter's own installation.
"""

from __future__ import annotations

import importlib
import platform
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .docstrings import read_attributes, read_docstrings
from .documents import Document

# What a data team looks up. A module that another release of Python has moved or dropped is left out without a word:
# the evaluation counts the questions whose document is missing.
MODULES = """
    abc argparse asyncio.locks asyncio.queues asyncio.runners asyncio.streams asyncio.tasks asyncio.threads
    asyncio.timeouts base64 bisect bz2 calendar codecs collections concurrent.futures._base
    concurrent.futures.thread configparser contextlib copy csv dataclasses datetime decimal difflib email.message
    email.utils enum filecmp fnmatch fractions functools getpass glob graphlib gzip hashlib heapq hmac html
    html.parser http.client http.cookies http.server importlib.metadata importlib.resources inspect io ipaddress
    json json.decoder json.encoder linecache locale logging logging.handlers lzma mailbox mimetypes
    multiprocessing.pool multiprocessing.queues netrc numbers operator os pathlib pickle pkgutil platform plistlib
    pprint queue random re reprlib sched secrets selectors shelve shlex shutil signal smtplib socket socketserver
    ssl statistics string subprocess tarfile tempfile textwrap threading timeit tokenize traceback types typing
    unittest.case unittest.mock urllib.parse urllib.request urllib.robotparser uuid venv warnings wave weakref
    webbrowser xml.etree.ElementTree zipfile zoneinfo
""".split()  # noqa: SIM905  one name a line would be a page

IN_C = ("builtins", "gc", "itertools", "math", "sys", "time", "zlib")
"""Modules without Python source; each is part of the interpreter or harmless to import."""

ELSEWHERE = {"datetime": "_pydatetime", "decimal": "_pydecimal", "io": "_pyio"}
"""Modules whose Python text is in a twin of the C version (for `datetime` since Python 3.12)."""

PYTHON_LICENCE = "PSF-2.0"


def python_version() -> str:
    """The probe: which interpreter this is. `"CPython 3.11.7 linux"` stands for everything that is read here."""
    return f"{platform.python_implementation()} {platform.python_version()} {sys.platform}"


def read_standard_library() -> Iterator[Document]:
    """Yield one document per docstring (`stdlib:json.dumps`) and per topic of `pydoc` (`topic:lambda`)."""
    origin = f"{platform.python_implementation().lower()} {platform.python_version()}"
    for prefix, name, text in _texts():
        yield Document(f"{prefix}:{name}", name, origin, PYTHON_LICENCE, text)


def _texts() -> Iterator[tuple[str, str, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for module in MODULES:
        for name, text in read_docstrings(_source_of(module, root), module):
            yield "stdlib", name, text
    for module in IN_C:
        for name, text in read_attributes(importlib.import_module(module), module):
            yield "stdlib", name, text
    for name, text in _topics().items():
        yield "topic", name.lower(), text


def _source_of(module: str, root: Path) -> Path:
    """The file of a module without importing it: its C twin's Python text, `a/b.py`, or `a/b/__init__.py`."""
    places = [ELSEWHERE[module]] if module in ELSEWHERE else []
    for place in [*places, module]:
        stem = root.joinpath(*place.split("."))
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file():
                return path
    return root / f"{module}.py"


def _topics() -> dict[str, str]:
    """The texts behind `help("lambda")`; some distributions of Python leave them out."""
    try:
        return dict(importlib.import_module("pydoc_data.topics").topics)
    except ImportError:
        return {}
