"""`penstock event DATASET`: somebody outside has published a version of a dataset."""

from __future__ import annotations

import json as text_json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer

from ....assets.run.project.project import open_project
from ....assets.run.project.trial import for_good
from ....assets.run.telling.outside import Told, asks_definitions, is_bare, record_within
from ....storage.errors import DefinitionError, UsageError
from ...read.references import near_dataset
from ...read.store import Store
from ..console import out, say, word
from ..definitions import definitions_of
from ..live import Watch
from ..options import Json
from ..plain import plain, show
from ..quantities import moment
from ..settings import settings_of
from ..store import making_store

app = typer.Typer(add_completion=False)


@app.command(name="event")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Name or URI of a dataset that no asset writes.")],
    version: Annotated[
        str | None,
        typer.Option(help="What names the version; without it, it is one that was never there before."),
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What is said of it, e.g. rows=1000; may be repeated."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it was published, e.g. 2026-01-05T03:00Z; without it, now.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="KEY", help="Of which partition, of a dataset that has some.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell that a dataset was published outside.

    Whoever waits for the dataset hears of it. The version that it has already is confirmed. An event of a dataset that
    nobody declares is kept until somebody does; a bare name has to be that of a dataset, and for one that is not known
    yet the definitions are read.
    """
    said, told_at = _metadata(meta or ()), None if at is None else _time(at)
    event = partial(record_within, dataset=dataset, version=version, metadata=said, at=told_at, partition=partition)
    with making_store(ctx) as store:
        told = None
        if asks_definitions(store, dataset):
            told, loaded = _with_definitions(ctx, event)
            if not loaded and is_bare(dataset):
                raise _undeclared(store, dataset)
        if told is None:
            with store.write() as tx:
                told = event(tx, store.project)
        near = None if told.matched else near_dataset(store, dataset)
    if json:
        show(_plain(told))
        return
    console = out()
    say(
        console,
        (f"{told.name} {told.partition}".rstrip(), "bold"),
        " ",
        word(told.kind),
        f": event {told.number}, version {told.version}",
    )
    say(console, (f"{told.uri}, {moment(told.at)}", "dim"))
    if not told.matched:
        hint = f" Did you mean {near}?" if near else ""
        say(
            console,
            ("Nobody declares this dataset: ", "yellow"),
            f"the event is kept, and counts once somebody does.{hint} `penstock events --unmatched` shows it.",
        )


def _with_definitions(ctx: typer.Context, event: partial[Told]) -> tuple[Told | None, bool]:
    """Record the event, with what the definitions declare known from then on. None if there are none that can be
    loaded: who tells of an event has not come to mend them, and hears of it if the dataset is not known without them.
    And whether those that there are do load.
    """
    if not settings_of(ctx).values.definitions:
        return None, True
    settings, definitions = definitions_of(ctx)
    with suppress(DefinitionError), open_project(settings, definitions) as project:
        told = for_good(
            project, lambda trial: event(trial.tx, trial.project.name), tell=Watch(quiet=False), writing=True
        )
        return told, True
    return None, False


def _undeclared(store: Store, dataset: str) -> UsageError:
    near = near_dataset(store, dataset)
    return UsageError(
        f"no dataset of project {store.project} is called {dataset!r}, and the definitions do not load",
        hint="`penstock check` says what is wrong with them."
        + (f" Or did you mean {near}?" if near else "")
        + f" What nobody has declared is told by its URI, e.g. s3://corpus/{dataset}.parquet.",
    )


def _plain(told: Told) -> dict[str, Any]:
    return {
        "dataset": told.name,
        "uri": told.uri,
        "number": told.number,
        "kind": told.kind.value,
        "version": told.version,
        "digest": told.digest,
        "at": plain(told.at),
        "matched": told.matched,
        **({"partition": told.partition} if told.partition else {}),
    }


def _metadata(given: Sequence[str]) -> dict[str, Any]:
    """`rows=1000` as a number, `champion=true` as a truth value, everything else as the text it is.

    >>> _metadata(["rows=1000", "champion=true", "by=anna"])
    {'rows': 1000, 'champion': True, 'by': 'anna'}
    """
    found: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--meta {one!r} says nothing of a key", hint="Write e.g. --meta rows=1000.")
        if key in found:
            raise UsageError(f"--meta says {key!r} twice", hint="Leave one of them out.")
        try:
            found[key] = text_json.loads(value, parse_constant=str)
        except ValueError:
            found[key] = value
    return found


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        shown = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
        raise UsageError(f"--at {text!r} is no time", hint=f"Write e.g. --at {shown}.") from error
