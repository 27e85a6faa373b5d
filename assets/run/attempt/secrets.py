"""Looking secrets up, in the process that runs the producer: variables, a folder of files, back ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from ....storage.errors import EnvironmentFault, MissingSecret, named
from ....storage.masking import SHORTEST, keep_from_view, mask
from ....storage.settings import ProjectSettings
from ...declare.secret import Secret

GROUP = "penstock.secrets"
"""The group of entry points for back ends: each names a function that takes the name of a secret and returns its value,
or None where it has none like it."""


def resolved(secret: Secret, settings: ProjectSettings, *, whose: str) -> tuple[Secret, str]:
    """The secret with its value, which is masked from now on, and a warning where it is too short for that.

    The first that has one: a variable of its name, a file of its name in the folder of secrets, a back end.

    Raises
    ------
    MissingSecret: nobody has it.
    EnvironmentFault: a file or a back end cannot be asked.
    """
    value = _value(secret.name, settings)
    if value is None:
        raise missing(secret.name, settings, whose=whose)
    short = (
        "" if keep_from_view(value) else f"secret {secret.name} has less than {SHORTEST} characters: it is not masked"
    )
    return Secret.holding(secret.name, value), short


def missing(name: str, settings: ProjectSettings, *, whose: str) -> MissingSecret:
    """That nobody has this secret: where it was looked for, and what to do."""
    empty = ", which is empty" if os.environ.get(name) == "" else ""
    places = [f"the variable {name}{empty}", *([f"the file {_file(name, settings)}"] if _is_plain(name) else [])]
    places += [f"the back end {point}" for point in _back_ends()]
    return MissingSecret(
        f"{whose} needs secret {name}, which nobody has: looked for in {', '.join(places)}",
        hint=f"Set the variable {name} where the worker runs, or put the value into a file of that name: the setting "
        "`secrets` names the folder.",
    )


def unknown(names: Iterable[str], settings: ProjectSettings) -> list[str]:
    """Those of these secrets that nobody has here; one that cannot be asked for counts as there."""
    found: list[str] = []
    for name in dict.fromkeys(names):
        try:
            if _value(name, settings) is None:
                found.append(name)
        except EnvironmentFault:
            continue
    return found


def _value(name: str, settings: ProjectSettings) -> str | None:
    value = os.environ.get(name)
    if value:
        return value
    if _is_plain(name):
        file = _file(name, settings)
        try:
            return file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (OSError, UnicodeDecodeError) as error:
            what = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise EnvironmentFault(
                f"secret {name}: the file {file} cannot be read: {what}",
                hint="Make it readable for the worker, or set the variable.",
            ) from None
    for point, ask in _back_ends().items():
        try:
            found = ask(name)
        except Exception as error:
            raise EnvironmentFault(
                f"secret {name}: the back end {point} raised {mask(named(error))}",
                hint="Mend its configuration, or set the variable.",
            ) from None
        if found:
            return str(found)
    return None


def _is_plain(name: str) -> bool:
    """Whether it can be the name of a file in a folder: a name such as `team/key` is for back ends alone."""
    return "/" not in name and "\\" not in name and "\0" not in name and name not in {".", ".."}


def _file(name: str, settings: ProjectSettings) -> Path:
    return settings.secrets / name


@cache
def _back_ends() -> dict[str, Callable[[str], object]]:
    found: dict[str, Callable[[str], object]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found[point.name] = point.load()
        except Exception as error:
            raise EnvironmentFault(
                f"the back end of secrets {point.name!r} ({point.value}) cannot be loaded: {named(error)}",
                hint="Mend or uninstall the package that provides it.",
            ) from error
    return found
