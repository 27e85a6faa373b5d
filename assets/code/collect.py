"""The modules that hold a project's definitions, imported by name or by file.

An error in one does not hide the others: every module is tried, and what cannot be imported comes back as a value, a
sentence with file and line of the user's own code.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from ...storage.errors import PenstockError, named, stops
from ...storage.manifest import digest_of
from .ownership import Home, is_own

_UNSUITABLE = "_penstock_file_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFault:
    """A module of definitions that could not be imported.

    Attributes
    ----------
    definition: as the settings name it.
    message, hint: what happened, and the next step.
    file, line: where in the user's code; "" and 0 where no line of it was reached.
    error: what was raised, with its traceback, for who asks; None where nothing was.
    """

    definition: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    error: BaseException | None = field(default=None, compare=False, repr=False)


def collect(
    definitions: Iterable[str], folder: str | Path, *, begins: Callable[[str], object] = str
) -> list[ModuleType | ImportFault]:
    """The modules that `definitions` name, in that order, and an `ImportFault` for each that could not be imported.

    Parameters
    ----------
    definitions: `"my_project.assets"`, `"pipeline.py"`, `"flows/daily.py"` (relative to `folder`).
    folder: the project's; it is put on `sys.path` and stays there, as for a script that is started in it.
    begins: called with each before it is imported: what ends this process then is told by whoever watches it (`ended`).

    A file in the project is imported under the name that its folders give it, so that others may import it too, pickles
    find it and a second call gives the same module; a file elsewhere, or with a name no module can have, gets a name
    made from its path.
    """
    project = Path(folder).resolve()
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    importlib.invalidate_caches()
    found: list[ModuleType | ImportFault] = []
    for definition in dict.fromkeys(definitions):
        begins(definition)
        one = _by_file(definition, project) if _is_file(definition) else _by_name(definition, project)
        if isinstance(one, ModuleType) or (one.message, one.file, one.line) not in _told(found):
            found.append(one)
    return found


def ended(definition: str, how: int) -> ImportFault:
    """That a process ended while it was importing this, other than by an error.

    Parameters
    ----------
    how: its exit code; of a signal the negative number.
    """
    module = definition if _is_file(definition) else f"-m {definition}"
    return ImportFault(
        definition=definition,
        message=f"{definition} cannot be imported: the process that was loading it ended "
        f"{f'with exit code {how}' if how >= 0 else f'by signal {-how}'}, before it was through",
        hint="Look there for os._exit, or for a package that crashes when it is imported: "
        f"`python -X faulthandler {module}` shows where.",
    )


def _told(found: list[ModuleType | ImportFault]) -> set[tuple[str, str, int]]:
    """What was said already: two modules that import the same broken one say the same."""
    return {(one.message, one.file, one.line) for one in found if isinstance(one, ImportFault)}


def _is_file(definition: str) -> bool:
    return definition.endswith(".py") or "/" in definition


def _by_name(name: str, project: Path) -> ModuleType | ImportFault:
    if not all(part.isidentifier() for part in name.split(".")):
        return ImportFault(
            definition=name,
            message=f"definitions name {name!r}, which is neither a module nor a Python file",
            hint='Write a module ("my_project.assets") or a file ("pipeline.py").',
        )
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            return _fault(name, error)
        near = get_close_matches(name, sorted(_modules(project)), n=1)
        advice = f"Did you mean {near[0]!r}?" if near else 'Install it, or name the file: "pipeline.py".'
        return ImportFault(
            definition=name,
            message=f"definitions name the module {name!r}; no module {error.name!r} is in {project} or installed",
            hint=advice,
        )
    except BaseException as error:  # a module of the user may raise anything
        if stops(error):
            raise
        return _fault(name, error)


def _by_file(definition: str, project: Path) -> ModuleType | ImportFault:
    path = (project / definition).resolve()
    if not path.is_file():
        near = get_close_matches(definition, sorted(p.relative_to(project).as_posix() for p in _files(project)), n=1)
        return ImportFault(
            definition=definition,
            message=f"definitions name the file {definition!r}, and {path} is no file",
            hint=f"Did you mean {near[0]!r}?" if near else "Write its path relative to the project's folder.",
        )
    name = _module_name(path, project)
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() == path:
        return known
    try:
        return importlib.import_module(name) if not name.startswith(_UNSUITABLE) else _loaded(name, path)
    except BaseException as error:  # a module of the user may raise anything
        if stops(error):
            raise
        return _fault(definition, error)


def _module_name(path: Path, project: Path) -> str:
    """The name under which a file is imported: the dotted one, if that leads to the file, else one of its path."""
    if path.is_relative_to(project) and path.suffix == ".py":
        parts = [*path.relative_to(project).parent.parts, *([path.stem] if path.stem != "__init__" else [])]
        name = ".".join(parts)
        if parts and all(part.isidentifier() for part in parts) and _origin(name) == path:
            return name
    place = path.relative_to(project).as_posix() if path.is_relative_to(project) else path.as_posix()
    stem = "".join(character if character.isalnum() else "_" for character in path.stem)
    return f"{_UNSUITABLE}{stem}_{digest_of(place.encode())[:8]}"


def _origin(name: str) -> Path | None:
    """The file that a module would be imported from, found without importing the module itself."""
    known = sys.modules.get(name)
    if known is not None:
        return Path(getattr(known, "__file__", None) or "").resolve()
    try:
        spec = importlib.util.find_spec(name)
    except BaseException as error:  # a package around it may raise anything; then its file is loaded by path
        if stops(error):
            raise
        return None
    return Path(spec.origin).resolve() if spec is not None and spec.origin else None


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: pickles, dataclasses and TYPE_CHECKING look-ups find it there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _fault(definition: str, error: BaseException) -> ImportFault:
    file, line = _where(error)
    message, hint = named(error), "Mend it there: importing definitions must not fail."
    if isinstance(error, PenstockError):
        message, hint = error.message, error.hint
    elif isinstance(error, PermissionError) and str(error.filename).endswith(".py"):
        message, hint = f"{error.filename} cannot be read: {error.strerror}", "Give this user the right to read it."
    elif isinstance(error, SystemExit):
        message, hint = "it ends the program when it is imported", 'Put that under `if __name__ == "__main__":`.'
    elif isinstance(error, ModuleNotFoundError):
        message, hint = f"no module named {error.name!r} is installed", "Install it in this environment."
    elif isinstance(error, SyntaxError):
        message, hint = f"{type(error).__name__}: {error.msg}", "Python cannot read the file there."
    return ImportFault(
        definition=definition,
        message=f"{definition} cannot be imported: {message}",
        hint=hint,
        file=file,
        line=line,
        error=error,
    )


def _where(error: BaseException) -> tuple[str, int]:
    """The innermost line of the user's own code."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames: list[Any] = list(traceback.walk_tb(error.__traceback__))
    own = [(frame.f_code.co_filename, line) for frame, line in frames if _is_users(frame)]
    return own[-1] if own else ("", 0)


def _is_users(frame: Any) -> bool:
    filename: str = frame.f_code.co_filename
    return not filename.startswith("<") and is_own(str(frame.f_globals.get("__name__", "")), filename, Home())


def _files(project: Path) -> Iterator[Path]:
    """Python files near the top of the project, for "did you mean"."""
    for pattern in ("*.py", "*/*.py", "*/*/*.py"):
        yield from (path for path in project.glob(pattern) if not any(part.startswith(".") for part in path.parts[-3:]))


def _modules(project: Path) -> Iterator[str]:
    for path in _files(project):
        parts = path.relative_to(project).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
