"""Documents of the installed packages: READMEs and licence fields of their metadata, docstrings of some modules.

Reads installed files only; nothing is imported and nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import cast

from .docstrings import read_docstrings
from .documents import Document

MODULES = {
    "alembic": ("alembic/operations/base.py",),
    "fsspec": ("fsspec/spec.py",),
    "numpy": ("numpy/lib/_npyio_impl.py", "numpy/lib/_arraysetops_impl.py", "numpy/linalg/_linalg.py"),
    "openlineage-python": ("openlineage/client/client.py",),
    "polars": ("polars/expr/expr.py", "polars/lazyframe/frame.py"),
    "pyarrow": ("pyarrow/dataset.py", "pyarrow/parquet/core.py"),
    "pydantic": ("pydantic/fields.py", "pydantic/functional_validators.py", "pydantic/main.py"),
    "pydantic-settings": ("pydantic_settings/main.py",),
    "rich": ("rich/console.py", "rich/progress.py", "rich/table.py"),
    "sqlalchemy": ("sqlalchemy/orm/session.py",),
    "sqlmodel": ("sqlmodel/main.py",),
}
"""The files whose docstrings are worth a question; parsing every file of every package would take a minute."""

README_LENGTH = 6_000
"""Characters kept of a README: what a package is for stands at the top, changelogs of 100,000 characters at the end."""

SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd license": "LicenseRef-BSD",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""Words that publishers use, as SPDX identifiers. `BSD` alone does not say which of them, and nobody guesses here."""

SPDX_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]*\d[A-Za-z0-9.+-]*( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
"""An expression as SPDX writes it, e.g. `CC0-1.0 OR Apache-2.0`; identifiers without a version stand in `SPDX`."""


def installed_distributions() -> str:
    """The probe: every installed package and its version, one `name==version` a line, sorted."""
    return "\n".join(f"{name}=={_version(one)}" for name, one in sorted(_distributions().items()))


def read_packages() -> Iterator[Document]:
    """Yield a README per package (`readme:rich`) and the docstrings of `MODULES` (`package:rich.console.Console`)."""
    for name, distribution in sorted(_distributions().items()):
        metadata = _metadata(distribution)
        origin, licence = f"{name} {_version(distribution)}", licence_of(metadata)
        if text := _readme(metadata):
            yield Document(f"readme:{name}", f"{name} README", origin, licence, text)
        for file in MODULES.get(name, ()):
            module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for qualified, docstring in read_docstrings(Path(str(distribution.locate_file(file))), module):
                yield Document(f"package:{qualified}", qualified, origin, licence, docstring)


def licence_of(metadata: Message) -> str:
    """The licence that a package states, as an SPDX expression where it can be told, else `unknown`.

    `License-Expression` counts first (it is SPDX by rule), then the `License` field if it is short, then the trove
    classifier; a whole licence text in the field is not read: guessing from prose is how wrong licences get in.
    """
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")
    ]
    field = (metadata.get("License") or "").strip()
    known = [SPDX[words.lower()] for words in [field, *classifiers] if words.lower() in SPDX]
    if SPDX_EXPRESSION.fullmatch(field) and field.lower() not in SPDX:
        return field
    return min(known, key=lambda spdx: spdx.startswith("LicenseRef"), default="unknown")


def _distributions() -> dict[str, Distribution]:
    """Installed packages by normalised name; where two lie on the path the first is the one that Python imports."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", _metadata(distribution).get("Name", "")).lower()
        if name:
            found.setdefault(name, distribution)
    return found


def _metadata(distribution: Distribution) -> Message:
    # typed as a protocol by the standard library; every reader gives this class, or nothing for a torn installation
    return cast("Message | None", distribution.metadata) or Message()


def _version(distribution: Distribution) -> str:
    return _metadata(distribution).get("Version", "unknown")


def _readme(metadata: Message) -> str:
    body = metadata.get_payload()
    text = body if isinstance(body, str) and body.strip() else metadata.get("Description") or ""
    # badges and HTML comments crowd out the words
    text = re.sub(r"<!--.*?-->|\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return text[:README_LENGTH]
