"""The code of the project: loaded by what the settings name, and the files that it comes from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ....storage.settings import ProjectSettings
from ...declare.definitions import Definitions


def definitions_of(settings: ProjectSettings, *, begins: Callable[[str], object] = str) -> Definitions:
    """The definitions that the settings name; the user's modules are imported by it, and `begins` is called with the
    name of each before."""
    return Definitions.load(*settings.values.definitions, folder=settings.folder, begins=begins)


def files_of(folder: Path) -> list[Path]:
    """The files of the modules that were imported from a folder, installed packages aside."""
    home, found = folder.resolve(), list[Path]()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py"):
            continue
        path = Path(os.path.abspath(file))  # noqa: PTH100  a link stays what it is
        if path.is_relative_to(home) and not {"site-packages", ".venv"} & set(path.parts):
            found.append(path)
    return sorted(found)
