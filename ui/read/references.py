"""What a person means by `chunks`, `file:///data/chunks.parquet`, `chunks@3` or `1f0c4a`: a dataset, or a version."""

from __future__ import annotations

import difflib
import re
from datetime import datetime

from ...lineage.graph.publications import Publications
from ...storage.errors import UsageError
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import history
from ...storage.meta.past.history import Known, VersionFacts
from ...storage.meta.past.makings import Named, StoredMakings
from ...storage.meta.past.naming import run_named
from ...storage.meta.past.tracing import newest_until
from ...storage.meta.runs import Run

_DIGEST = re.compile(r"[0-9a-f]{4,64}")
_RUN = re.compile(r"[0-9a-f-]{4,36}")
_LIST = "`penstock list` shows the assets and their datasets."


def dataset_of(tx: Transaction, project: str, text: str) -> Known:
    """The dataset of this name or URI, or the one that the asset of this name writes.

    Raises
    ------
    UsageError: there is none, or the asset writes several; the hint names them.
    """
    found = _find(history.datasets_called(tx, project, text), text)
    if found is not None:
        return found
    known = history.known_datasets(tx, project)
    raise _unknown(f"there is no dataset {text!r} in project {project}", text, known)


def near_dataset(store: Store, text: str) -> str | None:
    """The declared dataset whose name or URI is most like a text; None when none is."""
    with store.read() as tx:
        known = [one for one in history.known_datasets(tx, store.project) if one.removed_at is None]
    names = {spelled: one.name for one in known for spelled in (one.name, one.uri)}
    near = difflib.get_close_matches(text, list(names), n=1)
    return names[near[0]] if near else None


def version_meant(tx: Transaction, project: str, text: str, until: datetime | None = None) -> Named:
    """The version that a text means, now or at an earlier time; with the number of its publication where that is named.

    A dataset (by name, URI or asset) means its newest version, `chunks@3` the one that its event 3 published,
    `outside@v9` the one that those call so who write it, `chunks@1f0c` or `1f0c` the one whose digest begins so (at
    least four hexadecimal digits).

    Raises
    ------
    UsageError: there is no such version, or was none then; or there are several; the hint names them.
    """
    found = _find(history.datasets_called(tx, project, text), text)
    if found is None:
        meant = _one_of(tx, project, text)
        there = until is None or _was_told(tx, meant, until)
    elif until is None or "partitions" in found.declaration:
        meant, there = Named(_head(found)), True
    else:
        newest = newest_until(tx, found.id, until)
        meant, there = Named(newest or 0), newest is not None
    if not there:
        raise UsageError(
            f"at {until:%Y-%m-%dT%H:%M:%SZ} there was no version {text} yet",
            hint="Name a later time, or leave it out for now.",
        )
    return meant


def _was_told(tx: Transaction, meant: Named, until: datetime) -> bool:
    """Whether a version had been published by a time, under its number if it has one."""
    told = StoredMakings(tx, until).published([meant.version]).get(meant.version, [])
    return any(meant.number in (None, one.number) for one in told)


def _one_of(tx: Transaction, project: str, text: str) -> Named:
    """The version that is named by the number of its publication, as others call it, or by the beginning of its
    digest; a number means the publication, whatever others call so."""
    dataset, which = _of_a_dataset(tx, project, text)
    if dataset is not None and which.isdecimal() and len(which) < 10:
        published = history.publication(tx, dataset.id, int(which))
        if published is not None and published.version_id is not None:
            return Named(published.version_id, int(which))
    if dataset is not None and (called := history.versions_called(tx, dataset.id, which)):
        if len(called) == 1:
            return Named(called[0].id)
        named = ", ".join(_reference(tx, one) for one in called)
        what = f"{len(called)} versions of dataset {dataset.name} are called {which!r}"
        raise UsageError(what, hint=f"Name one of them: {named}.")
    prefix = (which if dataset is not None else text).lower()
    if _DIGEST.fullmatch(prefix):
        matches = history.versions_by_digest(tx, project, prefix, dataset=None if dataset is None else dataset.id)
        if len(matches) == 1:
            return Named(matches[0].id)
        if matches:
            named = ", ".join(f"{_reference(tx, one)} ({one.digest[:12]})" for one in matches)
            raise UsageError(f"{len(matches)} versions begin with {prefix!r}", hint=f"Name one of them: {named}.")
    if dataset is not None:
        raise UsageError(
            f"dataset {dataset.name} has no version {which!r}", hint=f"`penstock versions {dataset.name}` shows them."
        )
    what = f"{text!r} is neither a dataset of project {project} nor the beginning of a version's digest"
    raise _unknown(what, text, history.known_datasets(tx, project))


def _of_a_dataset(tx: Transaction, project: str, text: str) -> tuple[Known | None, str]:
    """The dataset before an `@`, and which version of it is meant; no dataset where none is called so. What others call
    a version may have an `@` too, so may a URI."""
    for place in range(len(text) - 1, -1, -1):
        if text[place] == "@":
            name = text[:place]
            dataset = _find(history.datasets_called(tx, project, name), name)
            if dataset is not None:
                return dataset, text[place + 1 :]
    return None, text


def _reference(tx: Transaction, one: VersionFacts) -> str:
    """What means this version and no other, whatever has its name or its bytes too: URI and number."""
    newest = Publications.of(StoredMakings(tx).published([one.id]).get(one.id, ())).making()
    return f"{one.uri}@{one.digest if newest is None else newest.number}"


def run_meant(tx: Transaction, project: str, text: str) -> Run | None:
    """The run that a text means where versions and runs are meant alike: what names a dataset, or begins a version's
    digest, is no run; what is like an id, and ends or begins one, is.

    Raises
    ------
    UsageError: it is the id of several runs, or of a run and the beginning of a version's digest; the hint names them.
    """
    part = text.lower()
    if not _RUN.fullmatch(part) or history.datasets_called(tx, project, text) or not history.run_ids(tx, project, part):
        return None
    found = run_named(tx, project, part)
    versions = history.versions_by_digest(tx, project, part) if _DIGEST.fullmatch(part) else []
    if versions and part != found.id:
        raise UsageError(
            f"{text!r} is of a run, and begins the digest of a version",
            hint=f"Write more of it: {found.id}, or {_reference(tx, versions[0])}.",
        )
    return found


def _unknown(what: str, text: str, known: list[Known]) -> UsageError:
    near = difflib.get_close_matches(text, [one.name for one in known], n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else _LIST if known else "Nothing has been recorded yet."
    return UsageError(what, hint=hint)


def _find(known: list[Known], text: str) -> Known | None:
    for one in known:
        if text in (one.name, one.uri):
            return one
    written = [one for one in known if one.producer == text and one.removed_at is None]
    if len(written) > 1:
        names = ", ".join(one.name for one in written)
        raise UsageError(f"asset {text} writes {len(written)} datasets", hint=f"Name one of them: {names}.")
    return written[0] if written else None


def _head(dataset: Known) -> int:
    if dataset.head_version_id is None and "partitions" in dataset.declaration:
        hint = f"`penstock versions {dataset.name} --partition KEY` shows those of one: {dataset.name}@NUMBER."
        raise UsageError(f"dataset {dataset.name} has partitions, each with a version of its own", hint=hint)
    if dataset.head_version_id is None:
        hint = (
            "Make it: `penstock materialize`." if dataset.producer else "It has not been there when it was looked at."
        )
        raise UsageError(f"dataset {dataset.name} has no version yet", hint=hint)
    return dataset.head_version_id
