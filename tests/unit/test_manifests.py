"""Manifests: what of a version is in its digest, and what it knows of itself."""

from __future__ import annotations

from penstock.storage.manifest import Column, FileEntry, Manifest, digest_of

FILES = (
    FileEntry(path="part-0.parquet", size=4096, rows=120, digest=digest_of(b"one")),
    FileEntry(path="part-1.parquet", size=2048, rows=None, digest="etag:9b2cf535f27731c9"),
)
WHOLE = Manifest(suffix=".parquet", files=FILES, columns=(Column(name="id", type="String"),))
OPAQUE = Manifest(suffix="", token="snap-0042")


def test_columns_of_a_version_are_no_part_of_its_digest() -> None:
    """They follow from the bytes: equal files are one version whatever is said of them."""
    assert Manifest(suffix=".parquet", files=FILES).digest == WHOLE.digest
    assert OPAQUE.digest != Manifest(suffix="", token="snap-0043").digest


def test_a_version_knows_its_size_and_its_rows_where_all_files_have_them() -> None:
    """6,144 bytes; rows are unknown as soon as they are unknown of one file."""
    assert WHOLE.size == 6144
    assert WHOLE.rows is None
    assert Manifest(suffix=".parquet", files=FILES[:1]).rows == 120
    assert OPAQUE.size == 0
    assert OPAQUE.rows is None
