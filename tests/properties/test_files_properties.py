"""What holds for any content: versions are named by what is in them, and come back as they went in."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.storage.errors import ValueMismatch
from penstock.storage.files.head import show
from penstock.storage.files.layout import Place, object_keys
from penstock.storage.files.objects import keep, present, verify
from penstock.storage.files.observe import Fingerprint, capture, observe
from penstock.storage.files.reading import read
from penstock.storage.files.staging import stage
from penstock.storage.files.sweep import sweep
from penstock.storage.manifest import FileEntry, Manifest, digest_of
from penstock.storage.types import ValueKind

NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1, max_size=12
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 100)
CONTENTS = st.binary(max_size=40) | st.sampled_from([b"", b"same", b"x" * 300_000])


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files by relative path, none of which is a folder of another."""
    files: dict[str, bytes] = {}
    for parts in draw(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=6)):
        path = "/".join(parts)
        folders = {"/".join(parts[:n]) for n in range(1, len(parts))}
        if not folders & files.keys() and not any(other.startswith(path + "/") for other in files):
            files[path] = draw(CONTENTS)
    return files


@contextmanager
def folder() -> Iterator[Path]:
    """A fresh folder for one example; views are read-only, so it is removed with rights restored."""
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        for parent, _, _ in os.walk(path):
            Path(parent).chmod(0o700)
        shutil.rmtree(path)


def written(files: dict[str, bytes], top: Path, order: list[str]) -> Path:
    """The files on disk, made in this order."""
    for name in order:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(files[name])
    return top


def content(top: Path) -> dict[str, bytes]:
    """The files of a directory by relative path."""
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@given(trees(), st.randoms())
def test_a_directory_comes_back_and_is_named_by_its_files(files: dict[str, bytes], random: object) -> None:
    """Staged, kept and read: the same files; the digest does not depend on the order in which they were made."""
    order = sorted(files)
    random.shuffle(order)  # type: ignore[attr-defined]
    with folder() as root:
        place = Place(root=str(root), path="m/")
        staged = [
            stage(written(files, root / top, names), kind=ValueKind.PATH, place=place, run_id="r", dataset="m")
            for top, names in (("one", list(files)), ("two", order))
        ]
        assert staged[0].manifest == staged[1].manifest
        assert [entry.path for entry in staged[0].manifest.files] == sorted(files)
        assert all(entry.digest == digest_of(files[entry.path]) for entry in staged[0].manifest.files)
        for one in staged:
            keep(one)
        assert verify(staged[0].manifest, place) == []
        assert content(read(staged[0].manifest, kind=ValueKind.PATH, place=place, dataset="m")) == files
        show(staged[0].manifest, place)
        assert content(root / "m") == files
        assert content(root / "one") == files  # what was elsewhere was copied


@given(st.lists(st.builds(FileEntry, path=NAMES, size=st.integers(0), digest=NAMES), unique_by=lambda f: f.path))
def test_a_manifests_digest_follows_from_its_files(entries: list[FileEntry]) -> None:
    """Equal files, equal digest; a manifest survives JSON with its digest; one byte more is another version."""
    manifest = Manifest(suffix="/", files=tuple(sorted(entries, key=lambda entry: entry.path)))
    again = Manifest.from_plain(json.loads(json.dumps(manifest.to_plain())))
    assert again == manifest
    assert again.digest == manifest.digest
    other = (*manifest.files, FileEntry(path="\uffff", size=0, digest="x"))
    assert Manifest(suffix="/", files=other).digest != manifest.digest


@given(CONTENTS, st.sampled_from([".bin", ".csv", ".ndjson", ".json", ".txt", ""]))
def test_seen_kept_or_captured_is_one_version(data: bytes, suffix: str) -> None:
    """A file that others wrote, the same bytes from a producer, and a captured copy have one digest."""
    with folder() as root:
        theirs = Place(root=str(root), path=f"theirs{suffix}")
        Path(theirs.target).write_bytes(data)
        seen = observe(theirs, None)
        assert seen.manifest is not None
        assert Fingerprint.from_plain(json.loads(json.dumps(seen.fingerprint.to_plain()))) == seen.fingerprint
        ours = Place(root=str(root), path=f"ours{suffix}")
        try:
            staged = stage(data, kind=ValueKind.BYTES, place=ours, run_id="r", dataset="m")
        except ValueMismatch:  # others may write what they like
            assert suffix in {".csv", ".ndjson", ".json", ".txt"}
        else:
            assert staged.manifest.digest == seen.manifest.digest
        held = capture(seen.manifest, theirs, fingerprint=seen.fingerprint, dataset="m")
        assert held.manifest == seen.manifest
        assert read(seen.manifest, kind=ValueKind.BYTES, place=theirs, dataset="m") == data


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=12))
def test_a_sweep_never_takes_what_is_live(steps: list[tuple[str, bool]]) -> None:
    """However keeping and sweeping alternate: live versions are whole, and after a last sweep nothing else is there."""
    with folder() as root:
        place = Place(root=str(root), path="x.txt")
        live: dict[str, Manifest] = {}
        later = datetime.now(UTC) + timedelta(days=1)
        for text, stays in steps:
            staged = stage(text, kind=ValueKind.TEXT, place=place, run_id="r", dataset="m")
            keep(staged)
            live[text] = staged.manifest
            if not stays:
                del live[text]
            keys = {key for manifest in live.values() for key in object_keys(manifest)}
            sweep(str(root), live=keys, active_runs=set(), older_than=timedelta(hours=1), now=later)
            assert all(present(manifest, place) for manifest in live.values())
            assert len(list(root.glob(".penstock/objects/??/*"))) == len(live)
