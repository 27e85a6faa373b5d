"""Bytes that somebody else wrote: what is JSON, lines of JSON and text, piece by piece as at once."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.storage.files.formats.wellformed import Malformed, require_json, require_json_lines, require_text

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=30)
SMALL = st.sampled_from([1, 2, 7, 64, 1 << 22])


def refused(check: Callable[..., None], path: Path, data: bytes, at_once: int = 1 << 22) -> str:
    """What is wrong with a file of these bytes; "" for nothing."""
    path.write_bytes(data)
    try:
        check(str(path), at_once=at_once)
    except ValueError as error:
        return str(error)
    return ""


@given(values, st.sampled_from([(None, False), (None, True), (1, False)]), SMALL)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_json_value_is_json(tmp_path: Path, value: Any, layout: tuple[int | None, bool], size: int) -> None:
    """However it is laid out, and wherever it is cut."""
    text = json.dumps(value, indent=layout[0], ensure_ascii=layout[1]).encode("utf-8", "replace")
    assert not refused(require_json, tmp_path / "a", text + b"\n", size)
    assert layout[0] or not refused(require_json_lines, tmp_path / "a", text + b"\n\n" + text, size)


PIECES = [b"", b"{", b"}", b"[", b"]", b",", b":", b'"', b"0", b"\\", b"\x01", b"\xff", b" "]


@given(values, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_cut_or_changed_is_judged_alike_at_once_and_in_pieces(tmp_path: Path, value: Any, data: Any) -> None:
    """The `json` module is the model: whether it reads it, in whichever pieces it comes."""
    text = bytearray(json.dumps(value).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(PIECES))
    at_once = refused(require_json, tmp_path / "a", bytes(text))
    assert bool(refused(require_json, tmp_path / "a", bytes(text), data.draw(st.integers(1, 9)))) is bool(at_once)


NO_JSON = {
    b"not json": "line 1 column 1",
    b"": "column 1",
    b'{"a": 1,\n "b": nope}': "line 2 column 7",
    b"[1, 2": "line 1 column 6",
    b"[1]\n[2]": "Extra data: line 2 column 1",
    b"[NaN]": "",
    b'["\xff"]': "byte 0xff is no UTF-8: line 1 column 3",
    b'\n["a\x01"]': "line 2 column",
    '["a"]'.encode("utf-16"): "no UTF-8",
    b"[" + b"1" * 5000 + b"]": "",
    b'{"a": "no end': "line 1 column 7",
    b"[1,]": "line 1 column",
    b'{"a" 1}': "line 1 column",
    b"[1}": "line 1 column 3",
    b"[" * 600 + b"]" * 599: "",
}


@pytest.mark.parametrize("size", [2, 1 << 22])
@pytest.mark.parametrize(("data", "place"), NO_JSON.items())
def test_what_is_no_json_is_told_with_its_place(tmp_path: Path, data: bytes, place: str, size: int) -> None:
    """Line and column, whether it is parsed at once or walked through."""
    said = refused(require_json, tmp_path / "a", data, size)
    assert said
    assert place in said


def test_what_is_nested_too_deep_for_a_reader_is_refused(tmp_path: Path) -> None:
    """500 is the limit where it is large."""
    assert "more than 500 deep: line 1 column 501" in refused(require_json, tmp_path / "a", b"[" * 501 + b"]" * 501, 64)
    assert not refused(require_json, tmp_path / "a", b"[" * 500 + b"]" * 500, 64)


@pytest.mark.parametrize("size", [4, 1 << 22])
def test_lines_and_texts_are_told_with_their_place(tmp_path: Path, size: int) -> None:
    """The line is that of the file; empty lines are none; a byte order mark is passed over."""
    path = tmp_path / "a"
    assert "line 3 column 2" in refused(require_json_lines, path, b'{"a": 1}\n\n{no}\n', size)
    assert not refused(require_json_lines, path, b"", size)
    assert not refused(require_json, path, b"\xef\xbb\xbf[1]", size)
    assert not refused(require_text, path, "ä\n🜂".encode(), size)
    assert "0xff is no UTF-8: line 2 column 2" in refused(require_text, path, b"a\nb\xffc", size)
    assert "0xc3 is no UTF-8: line 1" in refused(require_text, path, b"abc\xc3", size)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A list of 4 MB is walked through in pieces of 64 KiB."""
    path = tmp_path / "a"
    path.write_bytes(b"[" + b",".join(b'{"n": %d, "t": ["x", {"y": null}]}' % n for n in range(100_000)) + b"]")
    tracemalloc.start()
    try:
        require_json(str(path), at_once=1 << 16)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_fault_near_the_beginning_is_found_before_the_rest_is_read(tmp_path: Path) -> None:
    """Nothing is gathered in the hope that it will make sense."""
    path = tmp_path / "a"
    path.write_bytes(b"[1 2" + b" 3" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="line 1 column 4"):
            require_json(str(path), at_once=1 << 16)
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()
