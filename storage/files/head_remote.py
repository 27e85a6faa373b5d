"""Head on an object store: the URI's objects copied by the store itself, one after the other.

A store has no links and no renames, so a directory changes file by file; whoever needs it whole reads the version.
What is foreign is told by etag, from a record written after the copies; it is copied to `.penstock/aside/` first.
"""

from __future__ import annotations

import json
import time

from ..manifest import Manifest
from .layout import Place, object_of, object_suffix
from .remote import Found, Remote, remote_of


def show_remote(manifest: Manifest, place: Place) -> tuple[bool, str]:
    """The URI has the content of the version: (whether it had another before, where foreign content is now).

    Raises
    ------
    OSError: the store does not answer, or an object is missing.
    """
    store = remote_of(place)
    record_url = f"{place.hidden}/heads/{place.slug}.json"
    record: dict[str, list[str]] = json.loads(store.read(record_url) or b"{}")
    standing = {each.path: each for each in _standing(store, place)}
    aside = f"{place.hidden}/aside/{place.slug}/{time.time_ns()}{object_suffix(place.suffix, '')}"
    wanted: dict[str, list[str]] = {}
    changed = foreign = False
    for entry in manifest.files:
        there = standing.pop(entry.path, None)
        known = record.get(entry.path)
        if there is not None and there.stamp and known is not None and known == [entry.digest, there.stamp]:
            wanted[entry.path] = known
            continue
        source = object_of(place.hidden, manifest, entry)
        url = _url(place, entry.path)
        if there is not None and _differs(store, source, there):
            foreign |= _save(store, there, known, url, f"{aside}/{entry.path}" if entry.path else aside)
        if there is None or _differs(store, source, there):
            store.copy(source, url)
            changed = True
        copied = store.look(url)
        wanted[entry.path] = [entry.digest, copied.stamp if copied else ""]
    for path, there in standing.items():
        foreign |= _save(store, there, record.get(path), _url(place, path), f"{aside}/{path}")
        store.remove(_url(place, path))
        changed = True
    if wanted != record:
        store.write(record_url, json.dumps(wanted, sort_keys=True).encode())
    return changed, aside if foreign else ""


def compare_remote(manifest: Manifest, place: Place) -> bool | None:
    """Whether the URI has the etags that were recorded for this version; None where nothing is there.

    Two requests for a file, one listing and one request for a directory; no content is read.

    Raises
    ------
    OSError: the store does not answer.
    """
    store = remote_of(place)
    record: dict[str, list[str]] = json.loads(store.read(f"{place.hidden}/heads/{place.slug}.json") or b"{}")
    found = {each.path: each.stamp for each in _standing(store, place)}
    if not found:
        return None
    return record == {entry.path: [entry.digest, found.get(entry.path)] for entry in manifest.files} and len(
        found
    ) == len(manifest.files)


def _standing(store: Remote, place: Place) -> list[Found]:
    if place.directory:
        return [each for each in store.below(place.target) if each.path]
    found = store.look(place.target)
    return [found] if found else []


def _url(place: Place, path: str) -> str:
    return f"{place.target}/{path}" if path else place.target


def _differs(store: Remote, source: str, there: Found) -> bool:
    """Whether what stands there is not a copy of the object; etags of large copies differ though they are equal."""
    original = store.look(source)
    return original is None or not there.stamp or (original.size, original.stamp) != (there.size, there.stamp)


def _save(store: Remote, there: Found, known: list[str] | None, url: str, aside: str) -> bool:
    """Copy foreign content aside; False where it is what was put there before."""
    if known is not None and there.stamp and known[1] == there.stamp:
        return False
    store.copy(url, aside)
    return True
