"""The classes of errors that a retry policy names, looked for where they are said to be. Imports what they stand in;
never raises for it."""

from __future__ import annotations

from importlib import import_module

from ...storage.errors import stops


def unnamed(names: tuple[str, ...]) -> list[str]:
    """Those of these names with dots that no class is found under, here; a name without dots is that of any class.

    >>> unnamed(("nope.Error", "builtins.OSError", "Timeout", "json.JSONDecodeError"))
    ['nope.Error']
    """
    return [name for name in names if "." in name and not _is_class(name)]


def _is_class(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: object = import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                found = getattr(found, part)
        except BaseException as error:  # whatever a module raises
            if stops(error):
                raise
            continue
        return isinstance(found, type) and issubclass(found, BaseException)
    return False
