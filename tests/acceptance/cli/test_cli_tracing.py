"""`penstock trace` and `penstock impact`, called as people and programs call them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli.conftest import Call, in_process

HOSTILE = """
from penstock import Dataset, asset

docs = Dataset("docs.txt", name="<b>docs</b>\\x1b[31m", licence="<script>alert(1)</script>\\x1b]0;owned\\x07[bold]")

@asset("lines.json", on=docs, inputs={"text": docs})
def lines(text: str, *, cut: str = "\\x1b[2J<i>") -> list[str]:
    return text.split(cut)
"""
KEYS = {
    "id", "dataset", "uri", "partition", "number", "made", "version", "digest", "rows", "size", "held", "lost",
    "newest", "licence", "published_at", "asset", "run", "commit", "code", "parameters", "depth", "cut",
}  # fmt: skip


AGAIN = """
from penstock import Dataset, asset

web = Dataset("web.json")

@asset("tuned.json", on=web)
def tuned(web: list[int], *, epochs: int = 3) -> int:
    return len(web)

@asset("report.json", on=tuned)
def report(tuned: int, *, broken: bool = False) -> int:
    if broken:
        raise ValueError("broken")
    return tuned
"""


@pytest.fixture
def again(tmp_path: Path) -> Call:
    """A command in a project where `tuned` was made three times, from two inputs, and its bytes are the same."""
    (tmp_path / "penstock.toml").write_text('project = "again"\ndefinitions = ["pipeline.py"]\ndata_root = "."\n')
    (tmp_path / "pipeline.py").write_text(AGAIN)
    for numbers, how in (("[1]", ()), ("[2]", ()), ("[2]", ("tuned", "--only", "--force"))):
        (tmp_path / "web.json").write_text(numbers)
        assert in_process(tmp_path, "materialize", "--quiet", *how).code == 0

    def asked(*arguments: str, **options: Any) -> Any:
        return in_process(tmp_path, *arguments, **options)

    return asked


@pytest.fixture
def ask(shop: Path) -> Call:
    """A command in the project that `penstock init` makes."""

    def asked(*arguments: str, **options: Any) -> Any:
        return in_process(shop, *arguments, **options)

    return asked


def test_a_line_a_version_the_nearest_first(ask: Call) -> None:
    """With the run that made each, and what is known of data that others write."""
    lines = ask("trace", "favourites").out.splitlines()[2:]
    assert [line.split("@")[0].strip() for line in lines] == ["favourites", "words", "lines", "zen"]
    assert "observed, not held" in lines[-1]
    assert "others" in lines[-1]


def test_json_has_whole_digests_and_every_key(ask: Call) -> None:
    """What programs rely on: the keys, and links between the ids."""
    found = ask("trace", "favourites", "--json").json
    assert set(found) == {"direction", "as_of", "roots", "cut", "reader", "versions", "links"}
    assert (found["direction"], found["as_of"], found["cut"]) == ("up", None, False)
    assert all(set(one) == KEYS and len(one["digest"]) == 64 for one in found["versions"])
    assert [one["depth"] for one in found["versions"]] == [0, 1, 2, 3]
    ids = {one["id"] for one in found["versions"]}
    assert len(found["links"]) == 3
    assert all({link["input"], link["output"]} <= ids for link in found["links"])


def test_impact_marks_what_is_in_use(ask: Call) -> None:
    """What is the newest of its dataset."""
    said = ask("impact", "zen")
    assert said.code == 0
    assert all("newest" in line for line in said.out.split("\n\n")[0].splitlines()[2:])
    assert ask("impact", "zen", "--json").json["direction"] == "down"
    assert "favourites was not read by any run." in ask("impact", "favourites").out


def test_a_tree_and_the_ways_between_two(ask: Call) -> None:
    """The same versions, drawn; and of all of them those on a way."""
    drawn = ask("trace", "favourites", "--tree").out.splitlines()
    assert drawn[0].startswith("favourites@")
    assert [line.strip("└─ ").split("@")[0] for line in drawn] == ["favourites", "words", "lines", "zen"]
    assert ", by words " in drawn[1]
    way = ask("trace", "favourites", "--from", "lines", "--json").json
    assert [one["dataset"] for one in way["versions"]] == ["favourites", "words", "lines"]
    assert "zen did not come from favourites." in ask("trace", "zen", "--from", "favourites").out
    down = ask("impact", "lines", "--to", "favourites", "--tree").out.splitlines()
    assert [line.strip("└─ ").split("@")[0] for line in down] == ["lines", "words", "favourites"]
    assert "favourites did not lead to zen." in ask("impact", "favourites", "--to", "zen").out


def test_what_is_too_wide_for_a_table_is_told_in_lines(again: Call) -> None:
    """Nothing that one copies is broken: names, digests, runs."""
    head, said, *_ = again("trace", "tuned", width=56).out.splitlines()
    (root, *_) = again("trace", "tuned", "--json").json["versions"]
    assert head == f"tuned@3 {root['digest'][:8]}"
    assert said == f"  by tuned {root['run'][-8:]}, epochs=3, made 3 times: @1 @2 @3"
    assert again("trace", "tuned", width=100).out.splitlines()[0].split()[:2] == ["version", "digest"]


def test_a_run_that_made_nothing_has_only_read(again: Call) -> None:
    """It is said, with what that was; and nothing came of it."""
    failed = again("materialize", "report", "--force", "--only", "--param", "report.broken=true")
    assert failed.code == 1
    (run,) = again("runs", "--asset", "report", "--state", "failed", "--json").json["runs"]
    rows = again("trace", run["id"]).out.splitlines()
    assert rows[0] == f"Run {run['id'][-8:]} made nothing. What it had read:"
    assert rows[3].startswith("tuned@3")
    assert again("trace", run["id"], "--json").json["reader"] == run["id"]
    assert again("impact", run["id"]).out.splitlines()[0] == f"Run {run['id'][-8:]} made nothing."
    assert again("impact", run["id"], "--json").json["versions"] == []


def test_impact_names_who_consumes_it(ask: Call) -> None:
    """As it is declared: a table, a tree of the datasets that are made of it, and JSON."""
    rows = ask("impact", "lines").out.split("\n\n")[1].splitlines()
    assert [row.split()[:4] for row in rows[2:]] == [
        ["words", "1", "lines", "lines"],
        ["favourites", "2", "words", "words"],
    ]
    assert all("newest version made from it" in row for row in rows[2:])
    tree = ask("impact", "lines", "--tree").out
    assert "└── words  by words, newest version made from it" in tree
    plain = ask("impact", "lines", "--json").json
    assert plain["consumers"][0] == {
        "asset": "words",
        "depth": 1,
        "reads": ["lines"],
        "waits": ["lines"],
        "paused": False,
        "made_from_it": True,
    }
    assert plain["consumers_cut"] is False
    assert "No asset that is declared reads it, or waits for it." in ask("impact", "favourites").out


def test_datasets_are_followed_instead_of_versions(ask: Call) -> None:
    """As assets are declared to make them of each other: a table, a tree, JSON, and the ways between two."""
    rows = ask("trace", "favourites", "--datasets").out.splitlines()[2:]
    assert [row.split()[:3] for row in rows] == [
        ["favourites", "0", "favourites"],
        ["words", "1", "words"],
        ["lines", "2", "lines"],
        ["zen", "3", "others"],
    ]
    tree = ask("impact", "zen", "--datasets", "--tree", "--to", "words").out.splitlines()
    assert tree == ["zen  others write it", "└── lines  by lines", "    └── words  by words"]
    plain = ask("impact", "words", "--datasets", "--json").json
    assert set(plain) == {"direction", "as_of", "roots", "cut", "datasets", "links"}
    assert [set(one) for one in plain["datasets"]] == [
        {"id", "dataset", "uri", "asset", "licence", "depth", "cut"} for _ in plain["datasets"]
    ]
    assert [link["asset"] for link in plain["links"]] == ["favourites"]
    assert "zen is not made of words." in ask("trace", "zen", "--datasets", "--from", "words").out
    assert "There is more" in ask("impact", "zen", "--datasets", "--depth", "1").out
    refused = ask("trace", "favorites", "--datasets")
    assert (refused.code, "Did you mean favourites?" in refused.err) == (2, True)


def test_a_run_is_named_like_a_version(ask: Call) -> None:
    """By as much of its id as is unique: what it made is meant."""
    run = ask("runs", "--asset", "words", "--state", "success", "--json").json["runs"][0]["id"]
    assert ask("trace", run[-8:], "--json").json == ask("trace", "words", "--json").json
    way = ask("impact", "zen", "--to", run, "--json").json
    assert [one["dataset"] for one in way["versions"]] == ["zen", "lines", "words"]


def test_bytes_that_were_made_again_are_told_under_each_number(again: Call) -> None:
    """Who names a number is answered about it; how often the bytes were made is said; and impact tells which came."""
    for named, number, source in (("tuned@1", 1, "web@1"), ("tuned@2", 2, "web@2"), ("tuned", 3, "web@2")):
        rows = again("trace", named).out.splitlines()[2:]
        assert [row.split()[0] for row in rows] == [f"tuned@{number}", source]
        assert rows[0].endswith("made 3 times: @1 @2 @3")
    (root, *_) = again("trace", "tuned@2", "--json").json["versions"]
    assert (root["number"], [one["number"] for one in root["made"]]) == (2, [1, 2, 3])
    assert root["run"] == root["made"][1]["run"]
    of_first, of_second = (again("impact", web).out.splitlines()[3:] for web in ("web@1", "web@2"))
    assert of_first[0].startswith("tuned@1 ")
    assert "bytes of the newest, made 3 times: @1 @2 @3" in of_first[0]
    assert [row.split()[0] for row in of_second[:2]] == ["tuned@2", "tuned@3"]
    assert ["bytes of the newest" in row for row in of_second[:2]] == [True, False]
    assert "tuned@1" in again("impact", "web@1", "--tree").out
    assert again("trace", "report@2").out.splitlines()[2].rstrip().endswith("confirms @1")


def test_a_way_is_told_just_where_impact_tells_it(again: Call) -> None:
    """From what was read, and not from what equal bytes were made from before or afterwards."""
    for end, begin, other in (("tuned@1", "web@1", "web@2"), ("tuned", "web@2", "web@1"), ("report", "web@1", "web@2")):
        way = again("trace", end, "--from", begin).out.splitlines()
        assert way[-1].startswith(begin)
        assert set(way) <= set(again("trace", end).out.splitlines())
        assert again("trace", end, "--from", other).out == f"{end} did not come from {other}.\n"
        assert again("impact", other, "--to", end).out == f"{other} did not lead to {end}.\n"


@pytest.mark.parametrize("limit", [("--depth", "1"), ("--limit", "2")])
@pytest.mark.parametrize("command", [("trace", "favourites"), ("impact", "zen")])
def test_what_is_cut_is_said(ask: Call, command: tuple[str, str], limit: tuple[str, str]) -> None:
    """By a sentence that names the options, and in JSON."""
    assert "There is more than that: a higher --depth, or --limit, shows it." in ask(*command, *limit).out
    assert ask(*command, *limit, "--json").json["cut"] is True


@pytest.mark.parametrize("command", ["trace", "impact"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("favorites",), "Did you mean favourites?"),
        (("favourites@99",), "has no version '99'"),
        (("abcdef",), "neither a dataset of project"),
        (("zen", "--at", "2001-01-01T00:00Z"), "at 2001-01-01T00:00:00Z there was no version zen yet"),
        (("zen", "--at", "yesterday"), "yesterday"),
        (("zen", "--depth", "0"), "--depth"),
    ],
)
def test_wrong_use_is_told_with_a_next_step(ask: Call, command: str, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2, and nothing on standard output."""
    found = ask(command, *arguments)
    assert (found.code, found.out) == (2, "")
    assert said in " ".join(found.err.split())


@pytest.mark.parametrize("shape", [(), ("--tree",)])
def test_names_and_metadata_are_shown_and_steer_nothing(tmp_path: Path, shape: tuple[str, ...]) -> None:
    """HTML and markup as they stand, escapes left out; JSON has them as they are."""
    (tmp_path / "penstock.toml").write_text('project = "odd"\ndefinitions = ["pipeline.py"]\ndata_root = "."\n')
    (tmp_path / "pipeline.py").write_text(HOSTILE)
    (tmp_path / "docs.txt").write_text("a b")
    assert in_process(tmp_path, "materialize", "--quiet").code == 0
    said = in_process(tmp_path, "trace", "lines", *shape)
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "\x07" not in said.out
    assert "<b>docs</b>" in said.out
    assert "<script>alert(1)</script>[bold]" in said.out
    plain = in_process(tmp_path, "trace", "lines", "--json").json
    assert plain["versions"][1]["licence"] == "<script>alert(1)</script>\x1b]0;owned\x07[bold]"
