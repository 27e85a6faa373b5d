"""Where each setting came from: the default, a file, a variable, a call. Of a table each part may have come from
elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

DEFAULT, CALL = "default", "call"


def origins_of(
    file: tuple[str, Mapping[str, Any]], variables: Mapping[str, str], call: Mapping[str, Any], *, prefix: str
) -> dict[str, str]:
    """What was given, each part with where it came from; `app.port` is one of the table `app`.

    Parameters
    ----------
    file: its name, and what it holds.
    variables: those of the environment; of ours, which begin with `prefix`, a part is named behind two underscores.
    call: what a program passed in, which replaces a table as a whole.

    >>> origins_of(("f.toml", {"app": {"host": "h", "port": 1}}), {"OUR_APP__PORT": "2"}, {}, prefix="OUR_")
    {'app.host': 'f.toml', 'app.port': 'OUR_APP__PORT'}
    """
    found = dict.fromkeys(_parts("", file[1]), file[0])
    ours = {one: one.upper().removeprefix(prefix).lower() for one in variables if one.upper().startswith(prefix)}
    for name, setting in sorted(ours.items(), key=lambda one: one[1].count("__")):  # what names less loses
        given = _table(variables[name])
        found |= dict.fromkeys(_parts(setting.replace("__", "."), given), name)
    found = {part: origin for part, origin in found.items() if part.partition(".")[0] not in call}
    return found | dict.fromkeys(_parts("", call), CALL)


def origin(part: str, origins: Mapping[str, str]) -> str:
    """Where a part came from: as what it is a part of, which may have been given in short.

    >>> origin("policies.retries.max_attempts", {"policies.retries": "f.toml"}), origin("app.port", {})
    ('f.toml', 'default')
    """
    while part and part not in origins:
        part = part.rpartition(".")[0]
    return origins.get(part, DEFAULT)


def _parts(name: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and (value or not name):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _parts(f"{name}.{key}" if name else str(key), inner)  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield name


def _table(text: str) -> object:
    """What a variable holds, where that is a table."""
    try:
        return json.loads(text)
    except ValueError:
        return text
