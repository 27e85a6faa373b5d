"""What a picture of a graph says of its nodes."""

from __future__ import annotations

from penstock.ui.app.graphs.picture import Node, picture


def test_names_of_others_turn_and_steer_nothing() -> None:
    """What has no shape is shown as its number, in one line; a name without an end has one."""
    (one,) = picture([Node(id="a", text="x\x1b[31m\u202ey\nz", state="failed")], [])["nodes"]
    assert one["text"] == "x\\u202ey z"
    assert one["name"] == "x\\u202ey z, failed"
    (long,) = picture([Node(id="a", text="n" * 100_000, state="failed")], [])["nodes"]
    assert len(long["text"]) == 200
