"""Asking for something in the app: a row in `commands`, which a scheduler carries out. Knows the store alone, and must
never load code of the project or do what is asked for.

Each function gives the id of the command at once; `ui/read/commands.py` says what became of it. `key` is chosen by
whoever asks, such as once for each form that is shown: asked again under the same, it is the same command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ..storage.meta import commands
from ..storage.meta.database.engine import Store
from ..storage.meta.database.engine import now as moment_of
from ..storage.types import CommandKind, Propagate, Reprocess

LOCAL = "local"
"""Who asks where nobody has to log in."""


def ask_materialize(
    store: Store,
    asset: str,
    *,
    upstream: bool = False,
    partitions: str | None = None,
    force: bool = False,
    parameters: Mapping[str, Any] | None = None,
    by: str = LOCAL,
    key: str | None = None,
) -> int:
    """Workers make the asset from what is newest, whatever its condition says; skipped where nothing has changed.

    Parameters
    ----------
    upstream: what it reads is made before, as by `penstock materialize +ASSET`.
    partitions: the keys, of an asset with partitions: `"last:7"`, at most 10,000.
    force: although nothing changed.
    parameters: run parameters for this once, `{"ranker.epochs": 5}`.
    by: the name of who asks.
    key: what the command is known by; without one, asking twice makes two commands.

    Returns
    -------
    int: the id of the command.

    Raises
    ------
    UsageError: something else was asked for under this key.
    """
    given = {"upstream": upstream, "partitions": partitions, "force": force, "parameters": dict(parameters or {})}
    return _ask(store, CommandKind.MATERIALIZE, asset, given, by, key)


def ask_pause(store: Store, asset: str, *, why: str = "", by: str = LOCAL, key: str | None = None) -> int:
    """The asset is started by nothing but a person until it is resumed; `why` is what `status` says of it. The others,
    what is returned and raised are those of `ask_materialize`."""
    return _ask(store, CommandKind.PAUSE, asset, {"why": why}, by, key)


def ask_resume(store: Store, asset: str, *, drop: bool | None = None, by: str = LOCAL, key: str | None = None) -> int:
    """The asset is started by its condition again; `drop`: whether what came meanwhile is given up, else as its
    `on_resume` says. The others, what is returned and raised are those of `ask_materialize`."""
    return _ask(store, CommandKind.RESUME, asset, {"drop": drop}, by, key)


def ask_cancel(store: Store, run_id: str, *, by: str = LOCAL, key: str | None = None) -> int:
    """The run is canceled, wherever it stands; what is returned and raised is as of `ask_materialize`."""
    return _ask(store, CommandKind.CANCEL, run_id, {}, by, key)


def ask_rerun(store: Store, run_id: str, *, by: str = LOCAL, key: str | None = None) -> int:
    """A worker makes a run that has ended again: from the same versions of its inputs, whatever is newer, by the code
    of now. What is returned and raised is as of `ask_materialize`."""
    return _ask(store, CommandKind.RERUN, run_id, {}, by, key)


def ask_backfill(
    store: Store,
    asset: str,
    *,
    partitions: str,
    upstream: bool = False,
    reprocess: Reprocess = Reprocess.MISSING,
    propagate: Propagate = Propagate.NONE,
    backwards: bool = False,
    max_active_runs: int | None = None,
    by: str = LOCAL,
    key: str | None = None,
) -> int:
    """Workers make these partitions of the asset, however many; the words are those of `penstock backfill`. The others,
    what is returned and raised are those of `ask_materialize`."""
    given = {
        "partitions": partitions,
        "upstream": upstream,
        "reprocess": reprocess.value,
        "propagate": propagate.value,
        "order": "backwards" if backwards else "forwards",
        "max_active_runs": max_active_runs,
    }
    return _ask(store, CommandKind.BACKFILL, asset, given, by, key)


def ask_pause_backfill(store: Store, backfill_id: str, *, by: str = LOCAL, key: str | None = None) -> int:
    """Nothing more of the backfill is planned until it is resumed; what is returned and raised is as of
    `ask_materialize`."""
    return _ask(store, CommandKind.PAUSE_BACKFILL, backfill_id, {}, by, key)


def ask_resume_backfill(store: Store, backfill_id: str, *, by: str = LOCAL, key: str | None = None) -> int:
    """The backfill goes on; what is returned and raised is as of `ask_materialize`."""
    return _ask(store, CommandKind.RESUME_BACKFILL, backfill_id, {}, by, key)


def ask_cancel_backfill(store: Store, backfill_id: str, *, by: str = LOCAL, key: str | None = None) -> int:
    """Nothing more of the backfill is made; what is returned and raised is as of `ask_materialize`."""
    return _ask(store, CommandKind.CANCEL_BACKFILL, backfill_id, {}, by, key)


def _ask(  # noqa: PLR0917  in the order of the row
    store: Store, kind: CommandKind, about: str, arguments: Mapping[str, Any], by: str, key: str | None
) -> int:
    with store.write() as tx:
        return commands.ask(
            tx,
            store.project,
            key=key or str(uuid4()),
            kind=kind,
            about=about,
            arguments=arguments,
            asked_by=by,
            now=moment_of(tx),
        )
