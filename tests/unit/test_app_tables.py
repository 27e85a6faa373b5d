"""Rows as they are written in the app: text, whatever is in it."""

from __future__ import annotations

import re

import pytest

from penstock.ui.app.parts.tables import written


@pytest.mark.parametrize("said", ["<img src=x onerror=alert(1)>", "</td><script>", '"><b>', "&lt;", "it's"])
def test_no_cell_is_more_than_text(said: str) -> None:
    """Nor is the title of a column, nor a state that nobody knows."""
    seen = written([{said: said, "state": said}])
    assert re.findall(r"<(\w+)", seen) == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "b"]
    assert said not in seen


def test_states_have_their_colours() -> None:
    """Those of the graph; one that nobody knows is gray."""
    colours = [re.findall(r"--shade: (#\w+)", written([{"state": one}])) for one in ("failed", "up_for_retry", "odd")]
    assert colours == [["#d9423a"], ["#e0822b"], ["#8b919c"]]
    assert ">up for retry<" in written([{"state": "up_for_retry"}])


def test_columns_in_which_nothing_stands_are_left_out() -> None:
    """Those in which something stands somewhere are kept; 0 is something."""
    seen = written([{"a": "", "b": "", "c": None, "d": 0}, {"a": "", "b": "x", "c": None, "d": 0}])
    assert re.findall("<th>(.*?)</th>", seen) == ["b", "d"]
    assert written([]) == "<table><thead><tr></tr></thead><tbody></tbody></table>"


def test_what_is_long_may_wrap() -> None:
    """A digest or a time stays in one line."""
    seen = written([{"short": "2026-11-30 08:24:01 UTC", "long": "no passages in any document of this folder"}])
    assert seen.count('class="long"') == 1
    assert '<td class="long">no passages' in seen
