"""Full, read-only and narrow disks: real ones. Each answer is a sentence, nothing is lost, nothing is left over."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import text

from penstock.storage.errors import DatabaseFault, StorageFault
from penstock.storage.files.head import show
from penstock.storage.files.layout import Place
from penstock.storage.files.objects import keep, present, verify
from penstock.storage.files.observe import observe, read_observed
from penstock.storage.files.reading import read
from penstock.storage.files.staging import Staged, output_path, stage
from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.storage.meta.database.looking import identity, to_watch
from penstock.storage.meta.database.migrate import upgrade
from penstock.storage.types import ValueKind

ROOM = 3 << 20
BIG = 8 << 20


def mount(folder: Path, options: str) -> None:
    """Mount a disk in memory, or skip."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this user may not mount a disk: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, f"size={ROOM}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def staged(value: Any, kind: ValueKind, root: Path, path: str) -> Staged:
    """Stage a value at a path of this root."""
    return stage(value, kind=kind, place=Place(root=str(root), path=path), run_id="run-1", dataset="data")


def leftovers(root: Path) -> list[Path]:
    """The files in staging."""
    return [path for path in (root / ".penstock/staging").rglob("*") if path.is_file()]


def noise(seed: int = 0) -> pl.DataFrame:
    """Eight megabytes that do not compress."""
    return pl.DataFrame({"a": pl.Series(range(BIG // 8)).hash(seed=seed)})


def stream() -> Iterator[pl.DataFrame]:
    """Four times as much, piece by piece."""
    for seed in range(4):
        yield noise(seed)


@pytest.mark.parametrize(
    ("make", "kind", "path"),
    [
        (lambda: b"x" * BIG, ValueKind.BYTES, "x.bin"),
        (lambda: "x" * BIG, ValueKind.TEXT, "x.txt"),
        (lambda: ["x" * BIG], ValueKind.JSON, "x.json"),
        (noise, ValueKind.FRAME, "x.parquet"),
        (lambda: noise().lazy(), ValueKind.LAZY_FRAME, "x.parquet"),
        (stream, ValueKind.FRAMES, "x.parquet"),
        (lambda: noise().lazy(), ValueKind.LAZY_FRAME, "x.csv"),
        (noise, ValueKind.FRAME, "x.ndjson"),
        (lambda: noise().to_arrow(), ValueKind.TABLE, "x.arrow"),
    ],
    ids=["bytes", "text", "json", "parquet-frame", "parquet-lazy", "parquet-stream", "csv", "ndjson", "arrow"],
)
def test_a_full_disk_is_named_and_left_clean(disk: Path, make: Callable[[], Any], kind: ValueKind, path: str) -> None:
    """Every format says that the disk is full, for which dataset and where, and gives the room back."""
    before = staged({"small": 1}, ValueKind.JSON, disk, "before.json")
    keep(before)
    with pytest.raises(StorageFault, match=r"'data': writing .*No space left") as caught:
        staged(make(), kind, disk, path)
    assert "Free some space" in caught.value.hint
    assert leftovers(disk) == []
    assert verify(before.manifest, before.place) == []
    keep(staged({"small": 2}, ValueKind.JSON, disk, "after.json"))


def test_a_path_too_big_to_copy_is_named_and_left_clean(disk: Path, tmp_path: Path) -> None:
    """A directory from elsewhere that does not fit leaves no half of itself."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_bytes(b"small")
    (source / "b").write_bytes(os.urandom(BIG))
    with pytest.raises(StorageFault, match=r"'data'.*No space left"):
        staged(source, ValueKind.PATH, disk, "m/")
    assert leftovers(disk) == []


def test_a_head_that_does_not_fit_leaves_the_old_one(disk: Path) -> None:
    """The version is kept, the URI shows what it showed, and is made equal as soon as there is room."""
    half = ROOM * 2 // 5
    one = staged(b"1" * 10, ValueKind.BYTES, disk, "x.bin")
    keep(one)
    show(one.manifest, one.place)
    two = staged(os.urandom(half), ValueKind.BYTES, disk, "x.bin")
    keep(two)
    filler = disk / "filler"
    filler.write_bytes(b"x" * (ROOM - half - (ROOM // 10)))
    with pytest.raises(StorageFault, match=r"writing .*x.bin failed: No space left") as caught:
        show(two.manifest, two.place)
    assert caught.value.hint == "Free some space on that disk; the next materialization writes it."
    assert (disk / "x.bin").read_bytes() == b"1" * 10
    assert sorted(path.name for path in disk.iterdir()) == [".penstock", "filler", "x.bin"], "half a copy keeps it full"
    assert present(two.manifest, two.place)
    filler.unlink()
    show(two.manifest, two.place)
    assert (disk / "x.bin").stat().st_size == half
    assert sorted(path.name for path in disk.iterdir()) == [".penstock", "x.bin"]


def test_a_read_only_disk_is_named(disk: Path) -> None:
    """Staging, keeping and showing say so; reading goes on."""
    one = staged({"a": 1}, ValueKind.JSON, disk, "x.json")
    keep(one)
    two = staged({"a": 2}, ValueKind.JSON, disk, "x.json")
    directory = Place(root=str(disk), path="m/")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for attempt in (
        lambda: staged({"a": 3}, ValueKind.JSON, disk, "x.json"),
        lambda: staged(pl.LazyFrame({"a": [1]}), ValueKind.LAZY_FRAME, disk, "x.parquet"),
        lambda: keep(two),
        lambda: show(one.manifest, one.place),
        lambda: output_path(directory, "run-1"),
    ):
        with pytest.raises(StorageFault, match="Read-only file system") as caught:
            attempt()
        assert "read-only" in caught.value.hint
    assert read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data") == {"a": 1}
    assert observe(Place(root=str(disk), path="missing.csv"), None).manifest is None


def test_a_store_on_a_read_only_disk_is_followed_and_never_written(disk: Path) -> None:
    """What is kept open knows when others have written there; nothing goes into the copy that it reads."""
    url = sqlite_url(disk / "penstock.db")

    def others_write(table: str) -> None:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        with closing(Store(url, project="lab")) as store:
            upgrade(store)
            with store.write() as tx:
                tx.execute(text(f"CREATE TABLE {table} (number INTEGER)"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    others_write("first")
    before = identity(url)
    with to_watch(url, project="lab") as watched:
        assert watched.is_read_only
        with pytest.raises(DatabaseFault, match="cannot be written by this process"), watched.write():
            pass
    assert identity(url) == before
    others_write("second")
    assert identity(url) != before


FORMS: list[tuple[Callable[[], Any], ValueKind, str]] = [
    (lambda: {"a": 1}, ValueKind.JSON, "x.json"),
    (lambda: pl.DataFrame({"a": [1]}), ValueKind.FRAME, "x.parquet"),
    (lambda: pl.LazyFrame({"a": [1]}), ValueKind.LAZY_FRAME, "x.parquet"),
    (lambda: pl.LazyFrame({"a": [1]}), ValueKind.LAZY_FRAME, "x.csv"),
    (lambda: iter([pl.DataFrame({"a": [1]})]), ValueKind.FRAMES, "x.arrow"),
    (lambda: iter([pl.DataFrame({"a": [1]})]), ValueKind.FRAMES, "x.ndjson"),
]


@contextmanager
def nobody() -> Iterator[Path]:
    """A folder that this user may look into and not write to; root, who may everything, is nobody meanwhile."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "half/.penstock/staging").mkdir(parents=True)
        for each in (folder / "half/.penstock/staging", folder / "half/.penstock", folder / "half", folder):
            each.chmod(0o555)
        root = not os.geteuid()
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.parametrize(("make", "kind", "path"), FORMS)
@pytest.mark.parametrize("below", ["", "half", "new/folder"])
def test_a_folder_without_rights_is_named(make: Callable[[], Any], kind: ValueKind, path: str, below: str) -> None:
    """In whichever form the value is given, and however much of the folders is there: the dataset, and what to do."""
    with nobody() as folder, pytest.raises(StorageFault, match=r"'data': writing .*[Pp]ermission denied") as caught:
        staged(make(), kind, folder / below, path)
    assert "data_root" in caught.value.hint


@pytest.mark.parametrize(("make", "kind", "path"), FORMS)
def test_a_file_where_the_root_should_be_is_named(
    tmp_path: Path, make: Callable[[], Any], kind: ValueKind, path: str
) -> None:
    """It is no folder."""
    root = tmp_path / "root"
    root.write_text("a file")
    with pytest.raises(StorageFault, match=r"'data': writing .*Not a directory"):
        staged(make(), kind, root, path)


def test_what_the_producer_itself_may_not_read_is_its_own_fault(tmp_path: Path) -> None:
    """A frame that is computed while it is written: its error comes out as it is."""

    def frames() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        raise PermissionError(13, "Permission denied", "elsewhere")

    with pytest.raises(PermissionError, match="elsewhere"):
        staged(frames(), ValueKind.FRAMES, tmp_path, "x.parquet")
    assert leftovers(tmp_path) == []


def test_a_file_larger_than_allowed_is_named(tmp_path: Path) -> None:
    """`ulimit -f` is an answer of the system like a full disk."""
    program = f"""
import resource, signal, sys
import polars as pl
from penstock.storage.errors import StorageFault
from penstock.storage.files.layout import Place
from penstock.storage.files.staging import stage
from penstock.storage.types import ValueKind
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
frame = pl.DataFrame({{"a": pl.Series(range(1 << 20)).hash()}})
values = ((b"x" * (2 << 20), ValueKind.BYTES, "x.bin"), (frame.lazy(), ValueKind.LAZY_FRAME, "x.parquet"))
for value, kind, path in values:
    try:
        stage(value, kind=kind, place=Place(root={str(tmp_path)!r}, path=path), run_id="run-1", dataset="data")
    except StorageFault as fault:
        print(fault)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("File too large") == 2
    assert done.stdout.count("ulimit -f") == 2
    assert leftovers(tmp_path) == []


NAMES = [
    "with space",
    "größe 日本",
    "100%",
    "a%20b",
    'quo\'te "x"',
    "[b]*?",
    "a=1",
    "x" * 240,
    "#hash",
    "new\u00a0line",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson", ".arrow", ".json"])
def test_unusual_names_are_ordinary(tmp_path: Path, name: str, suffix: str) -> None:
    """In the root's own path and in the dataset's: written, read, shown and observed; look-alikes are not mixed up."""
    root = tmp_path / name
    value: Any = pl.DataFrame({"name": [name]}) if suffix != ".json" else {"name": [name]}
    kind = ValueKind.FRAME if suffix != ".json" else ValueKind.JSON
    for path in (f"{name}{suffix}", f"{name}/a%20b{suffix}", f"{name}/a b{suffix}"):
        frame = value.with_columns(path=pl.lit(path)) if kind is ValueKind.FRAME else {**value, "path": path}
        one = staged(frame, kind, root, path)
        keep(one)
        show(one.manifest, one.place)
    for path in (f"{name}{suffix}", f"{name}/a%20b{suffix}", f"{name}/a b{suffix}"):
        place = Place(root=str(root), path=path)
        seen = observe(place, None)
        assert seen.manifest is not None
        found = read_observed(seen.manifest, seen.fingerprint, kind=kind, place=place, dataset="data")
        assert (found["path"][0] if kind is ValueKind.FRAME else found["path"]) == path


def test_a_name_too_long_for_the_disk_is_kept_and_not_shown(tmp_path: Path) -> None:
    """The version has no need of the name; only its own URI cannot be written, and the fault says why."""
    one = staged({"a": 1}, ValueKind.JSON, tmp_path, "x" * 300 + ".json")
    keep(one)
    assert read(one.manifest, kind=ValueKind.JSON, place=one.place, dataset="data") == {"a": 1}
    with pytest.raises(StorageFault, match="File name too long") as caught:
        show(one.manifest, one.place)
    assert "shorten the URI" in caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == [".penstock"]
