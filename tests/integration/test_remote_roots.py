"""The same promises wherever the root is: a folder, a store in memory, and a server that speaks S3."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from penstock import Daily, Dataset, Static, asset, materialize
from penstock.assets.run.progress import Result
from penstock.storage.errors import MissingExtra, StorageFault
from penstock.storage.files.head import Shown, Standing, show, standing
from penstock.storage.files.laid_out import laid_out
from penstock.storage.files.layout import Place, object_keys
from penstock.storage.files.objects import keep, present, verify
from penstock.storage.files.observe import Moved, capture, observe, read_observed, still
from penstock.storage.files.reading import read
from penstock.storage.files.remote import remote_of
from penstock.storage.files.staging import Staged, output_path, stage
from penstock.storage.files.sweep import sweep
from penstock.storage.types import ValueKind

FRAME = pl.DataFrame({"größe": [1, 2, None], "b": ["x", None, "z"]})


class Root:
    """A root to try, and how the outside world reads and writes beside us."""

    def __init__(self, url: str, cache: Path, options: dict[str, Any]) -> None:
        self.url, self.cache, self.options = url, str(cache), options

    def place(self, path: str, *, elsewhere: str = "") -> Place:
        """A dataset's place; `elsewhere` is another machine, with a cache of its own."""
        return Place(root=self.url, path=path, storage_options=self.options, cache=self.cache + elsewhere)

    def outside(self, path: str, data: bytes | None = None) -> bytes | None:
        """Write as others would, or read what is there."""
        place = self.place(path)
        if place.remote:
            store = remote_of(place)
            return store.read(place.target) if data is None else store.write(place.target, data)  # type: ignore[func-returns-value]
        target = Path(place.target)
        if data is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return target.read_bytes() if target.exists() else None


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A real S3-speaking server in a process of its own, with a bucket; skipped where it cannot be had."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'penstock[s3]'")
    pytest.importorskip("moto.server", reason="moto[s3] and flask are not installed: pip install 'penstock[dev]'")
    log = (tmp_path_factory.mktemp("s3") / "log").open("w+")
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = _address(server, Path(log.name))
        options = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": address, "region_name": "eu-central-1"}}
        remote_of(Place(root="s3://bucket", path="x", storage_options=options))._fs.mkdir("bucket")
        yield options
    finally:
        server.terminate()
        server.wait()
        log.close()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(300):
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1:"):
                try:
                    urllib.request.urlopen(word + "/moto-api/", timeout=2).close()
                    return word
                except urllib.error.URLError:
                    break
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the S3 server did not start: {log.read_text()}")


@pytest.fixture(params=["folder", "memory", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """A fresh root of each sort."""
    options = request.getfixturevalue("s3") if request.param == "s3" else {}
    fresh = uuid4().hex
    urls = {"folder": str(tmp_path / "root"), "memory": f"memory://{fresh}", "s3": f"s3://bucket/some prefix/{fresh}"}
    return Root(urls[request.param], tmp_path / "cache", options)


def kept(value: Any, kind: ValueKind, place: Place) -> Staged:
    """Stage and keep a value."""
    staged = stage(value, kind=kind, place=place, run_id="run-1", dataset="data")
    keep(staged)
    return staged


def model(root: Root, text: str) -> Staged:
    """A kept directory of two files."""
    place = root.place("models/ranker ä/")
    output = output_path(place, f"run-{text}")
    (output / "in").mkdir(exist_ok=True)
    (output / "a.txt").write_text(text)
    (output / "in/b c.bin").write_bytes(b"same")
    staged = stage(output, kind=ValueKind.PATH, place=place, run_id=f"run-{text}", dataset="data")
    keep(staged)
    return staged


def test_what_is_kept_reads_the_same(root: Root) -> None:
    """In every form of the format, also on another machine, whose cache is empty."""
    staged = kept(FRAME, ValueKind.FRAME, root.place("out/x y%.parquet"))
    assert present(staged.manifest, staged.place)
    assert verify(staged.manifest, staged.place) == []
    for place in (staged.place, root.place("out/x y%.parquet", elsewhere="-2")):
        assert read(staged.manifest, kind=ValueKind.FRAME, place=place, dataset="data").equals(FRAME)
        lazy = read(staged.manifest, kind=ValueKind.LAZY_FRAME, place=place, dataset="data")
        assert lazy.select("b").collect().equals(FRAME.select("b"))
        assert pl.DataFrame(read(staged.manifest, kind=ValueKind.TABLE, place=place, dataset="data")).equals(FRAME)
        path = read(staged.manifest, kind=ValueKind.PATH, place=place, dataset="data")
        assert pl.read_parquet(path).equals(FRAME)


def test_partitions_that_others_write_are_listed_once(root: Root, tmp_path: Path) -> None:
    """Where the template leads: each path with its files; a second look at what is unchanged asks for no file."""
    parts = Daily(start="2026-01-01", end="2026-02-01") * Static("eu", "us", name="region")
    raw = Dataset("raw/{region}/date={day}/part.csv", partitions=parts, name="raw")
    for path in ("eu/date=2026-01-01", "us/date=2026-01-01", "eu/date=2026-01-02", "eu/date=2026-01-02/deeper"):
        root.outside(f"raw/{path}/part.csv", b"n\n1\n")
    root.outside("raw/eu/other.csv", b"n\n1\n")
    lying = laid_out(root.place(raw.uri))
    assert [one.path for one in lying] == [
        "raw/eu/date=2026-01-01/part.csv",
        "raw/eu/date=2026-01-02/part.csv",
        "raw/us/date=2026-01-01/part.csv",
    ]
    assert [[file.path for file in one.files] for one in lying] == [[""]] * 3

    @asset("sums/{region}/{day}.json", partitions=parts, on=raw)
    def sums(raw: pl.DataFrame) -> int:
        return raw["n"].sum()

    def make() -> Result:
        return materialize(
            [sums],
            project_folder=tmp_path,
            home=str(tmp_path / "home"),
            data_root=root.url,
            storage_options={"s3": dict(root.options)},
            lineage={},
        )

    first = make()
    assert [one.news for one in first.looked] == ["3 new"]
    assert sorted((one.partition, str(one.state)) for one in first.outcomes) == [
        ("2026-01-01|eu", "success"),
        ("2026-01-01|us", "success"),
        ("2026-01-02|eu", "success"),
    ]
    root.outside("raw/us/date=2026-01-01/part.csv", b"n\n20\n")
    remote = root.place("raw/eu/date=2026-01-02/part.csv")
    if remote.remote:
        remote_of(remote).remove(remote.target)
    else:
        Path(remote.target).unlink()
    second = make()
    assert [one.news for one in second.looked] == ["1 changed, 1 removed"]
    assert [one.partition for one in second.executed] == ["2026-01-01|us"]
    assert root.outside("sums/us/2026-01-01.json") == b"20\n"


def test_a_lazy_frame_on_s3_fetches_what_it_needs(root: Root) -> None:
    """Polars scans the object where it lies: no copy appears on this machine."""
    if not root.url.startswith("s3://"):
        pytest.skip("only polars' own S3 reader does this")
    staged = kept(FRAME, ValueKind.FRAME, root.place("x.parquet"))
    place = root.place("x.parquet", elsewhere="-2")
    assert read(staged.manifest, kind=ValueKind.LAZY_FRAME, place=place, dataset="data").collect().equals(FRAME)
    assert not Path(place.local).exists()


def test_a_directory_reads_the_same(root: Root) -> None:
    """Its files, wherever they were fetched from; equal content is kept once."""
    staged = model(root, "1")
    for place in (staged.place, root.place("models/ranker ä/", elsewhere="-2")):
        view = read(staged.manifest, kind=ValueKind.PATH, place=place, dataset="data")
        assert (view / "a.txt").read_text() == "1"
        assert (view / "in/b c.bin").read_bytes() == b"same"


def test_missing_bytes_are_noticed(root: Root) -> None:
    """An object that is gone is not present, and reading it on another machine is a fault that names it."""
    staged = kept({"a": 1}, ValueKind.JSON, root.place("x.json"))
    ((digest, suffix),) = object_keys(staged.manifest)
    url = f"{staged.place.hidden}/objects/{digest[:2]}/{digest}{suffix}"
    remote_of(staged.place).remove(url) if staged.place.remote else Path(url).unlink()
    assert not present(staged.manifest, staged.place)
    assert verify(staged.manifest, staged.place) == [url]
    with pytest.raises(StorageFault, match=r"'data'.*missing"):
        read(staged.manifest, kind=ValueKind.JSON, place=root.place("x.json", elsewhere="-2"), dataset="data")


def test_the_uri_shows_the_head(root: Root) -> None:
    """The outside world reads the version at the dataset's own address; foreign content is set aside, not lost."""
    place = root.place("out/x y.json")
    one, two = (kept({"v": value}, ValueKind.JSON, place).manifest for value in (1, 2))
    assert show(one, place) == Shown(changed=True)
    assert root.outside("out/x y.json") == b'{"v":1}\n'
    assert show(one, place) == Shown(changed=False)
    assert show(two, place) == Shown(changed=True)
    root.outside("out/x y.json", b"theirs")
    shown = show(two, place)
    assert root.outside("out/x y.json") == b'{"v":2}\n'
    assert (remote_of(place).read(shown.aside) if place.remote else Path(shown.aside).read_bytes()) == b"theirs"


def test_what_others_write_at_the_uri_is_told_without_reading_it(root: Root) -> None:
    """Other content of the same size, a file that is gone, a file more in a directory."""
    place, directory = root.place("out/x y.json"), model(root, "1")
    one = kept({"v": 1}, ValueKind.JSON, place).manifest
    for manifest, at in ((one, place), (directory.manifest, directory.place)):
        assert standing(manifest, at, read=False) is Standing.MISSING
        show(manifest, at)
        assert standing(manifest, at, read=False) is Standing.SHOWN
    root.outside("out/x y.json", b'{"v":2}\n')
    root.outside("models/ranker ä/more.txt", b"more")
    for manifest, at in ((one, place), (directory.manifest, directory.place)):
        assert standing(manifest, at, read=False) in (Standing.CHANGED, Standing.SUSPECT)


def test_the_uri_shows_a_directory(root: Root) -> None:
    """File for file; what the new version has no more is gone."""
    one, two = model(root, "1"), model(root, "2")
    assert show(one.manifest, one.place).changed
    assert root.outside("models/ranker ä/a.txt") == b"1"
    assert show(two.manifest, two.place).changed
    assert root.outside("models/ranker ä/a.txt") == b"2"
    assert root.outside("models/ranker ä/in/b c.bin") == b"same"
    assert not show(two.manifest, two.place).changed


def test_others_data_is_observed_read_and_captured(root: Root) -> None:
    """A fingerprint becomes the version; an overwritten file is noticed; captured bytes stay."""
    place = root.place("in/docs ä.csv")
    assert observe(place, None).manifest is None
    root.outside("in/docs ä.csv", b"a,b\n1,x\n")
    seen = observe(place, None)
    assert seen.manifest is not None
    assert observe(place, seen.fingerprint).manifest == seen.manifest
    assert still(seen.fingerprint, place)
    for kind in (ValueKind.FRAME, ValueKind.TEXT, ValueKind.PATH, ValueKind.LAZY_FRAME):
        assert read_observed(seen.manifest, seen.fingerprint, kind=kind, place=place, dataset="data") is not None
    held = capture(seen.manifest, place, fingerprint=seen.fingerprint, dataset="data")
    again = observe(place, held.fingerprint)
    assert again.manifest is not None
    assert held.manifest is not None
    assert again.manifest.digest == held.manifest.digest
    root.outside("in/docs ä.csv", b"a,b\n1,x\n2,y\n")
    assert not still(seen.fingerprint, place)
    with pytest.raises(Moved):
        read_observed(seen.manifest, seen.fingerprint, kind=ValueKind.FRAME, place=place, dataset="data")
    assert read(held.manifest, kind=ValueKind.TEXT, place=place, dataset="data") == "a,b\n1,x\n"
    after = observe(place, held.fingerprint)
    assert after.manifest is not None
    assert after.manifest.digest != held.manifest.digest


def test_a_directory_of_others_is_its_files(root: Root) -> None:
    """Hidden and half-written files do not count; adding a file is news."""
    root.outside("docs/a.txt", b"1")
    root.outside("docs/in/b.txt", b"2")
    root.outside("docs/in/.hidden", b"x")
    root.outside("docs/c.tmp", b"x")
    place = root.place("docs/")
    seen = observe(place, None)
    assert seen.manifest is not None
    assert [entry.path for entry in seen.manifest.files] == ["a.txt", "in/b.txt"]
    path = read_observed(seen.manifest, seen.fingerprint, kind=ValueKind.PATH, place=place, dataset="data")
    assert (path / "in/b.txt").read_text() == "2"
    root.outside("docs/d.txt", b"3")
    assert not still(seen.fingerprint, place)


def test_a_sweep_removes_what_nobody_needs(root: Root) -> None:
    """Orphaned objects and dead staging go, live objects and what is young stay."""
    place = root.place("x.txt")
    dead, alive = kept("dead", ValueKind.TEXT, place), kept("alive", ValueKind.TEXT, place)
    live = set(object_keys(alive.manifest))
    more: dict[str, Any] = {"storage_options": root.options, "cache": root.cache}
    now = datetime.now(UTC)
    sweep(root.url, live=live, active_runs=set(), older_than=timedelta(hours=1), now=now, **more)
    assert present(dead.manifest, place)
    sweep(root.url, live=live, active_runs=set(), older_than=timedelta(hours=1), now=now + timedelta(days=1), **more)
    assert (present(dead.manifest, place), present(alive.manifest, place)) == (False, True)


def test_a_store_that_does_not_answer_is_a_fault(tmp_path: Path) -> None:
    """No server, no bucket: a sentence that names the dataset and the address."""
    pytest.importorskip("s3fs")
    options = {
        "key": "k",
        "secret": "s",
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
        "config_kwargs": {"connect_timeout": 1, "retries": {"max_attempts": 0}},
    }
    place = Place(root="s3://bucket", path="x.json", storage_options=options, cache=str(tmp_path))
    with pytest.raises(StorageFault, match=r"'data': looking at s3://bucket/x.json failed"):
        observe(place, None, dataset="data")


def test_a_protocol_without_its_library_says_what_to_install(tmp_path: Path) -> None:
    """A missing optional package is named with the command that brings it."""
    program = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from penstock.storage.files.layout import Place\n"
        "from penstock.storage.files.remote import remote_of\n"
        "remote_of(Place(root='s3://bucket', path='x'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}, check=False
    )
    assert MissingExtra.__name__ in done.stderr
    assert "pip install 'penstock[s3]'" in done.stderr
