"""The commands that only look: what they say, to people and to programs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ASSETS = ["lines", "words", "favourites"]
Call = Callable[..., Any]


def test_list_shows_what_is_declared(look: Call) -> None:
    """Assets in the order of the graph, with what they read and when they are made."""
    rows = [line.split() for line in look("list").out.splitlines()[2:5]]
    assert rows == [
        ["lines", "zen", "lines.parquet", "zen"],
        ["words", "lines", "words.parquet", "lines"],
        ["favourites", "words", "favourites.json", "words"],
    ]
    said = look("list", "-s", "+words", "--json").json
    assert [one["name"] for one in said] == ["lines", "words"]
    assert said[1]["inputs"] == [{"parameter": "lines", "dataset": "lines", "uri": "lines.parquet", "optional": False}]
    assert said[1]["condition"] == "lines"
    assert said[1]["outputs"] == [{"dataset": "words", "uri": "words.parquet"}]
    assert said[1]["file"].endswith("pipeline.py")


def test_status_of_definitions_that_became_empty(fresh: Path, penstock: Call) -> None:
    """What was recorded stays, and is not denied."""
    assert penstock(fresh, "materialize", "--quiet").code == 0
    (fresh / "pipeline.py").write_text("")
    assert penstock(fresh, "materialize", "--quiet").code == 0
    said = penstock(fresh, "status")
    assert ": 0 assets; runs: 3 success" in said.words
    assert "No asset is declared any more: `penstock runs` shows what was made." in said.words
    assert "Nothing has been recorded" not in said.words
    assert "Database " in said.words


def test_check_counts(look: Call) -> None:
    """Without faults: how much there is."""
    assert look("check").out.startswith("No faults in the definitions of shop: 3 assets")
    assert look("check", "--json").json == {
        "project": "shop",
        "assets": 3,
        "datasets": 4,
        "observed": 1,
        "conditions": 3,
        "gaps": {},
        "redivided": [],
        "curtailed": [],
    }


def test_check_shows_every_fault_together(fresh: Path, penstock: Call) -> None:
    """Exit code 2; every fault with its file and line."""
    (fresh / "pipeline.py").write_text(
        "from penstock import asset\n"
        "@asset('a.json', tagz=['x'])\ndef a(nobody: list) -> list: ...\n"
        "@asset('a.json')\ndef b() -> list: ...\n"
    )
    said = penstock(fresh, "check")
    assert (said.code, said.out) == (2, "")
    assert "tagz= is not a keyword" in said.err
    assert "no dataset for parameter 'nobody'" in said.err
    assert "both write a.json" in said.err
    assert said.err.count("pipeline.py:2") >= 2


def test_check_tells_of_faulty_variables_and_of_all_else(fresh: Path, shell: Call) -> None:
    """A variable that should hold JSON, one with a wrong value, and the faults of the definitions, in one go."""
    (fresh / "pipeline.py").write_text(
        "from penstock import asset\n@asset('a.json', tagz=['x'])\ndef a() -> int: ...\n"
    )
    said = shell(fresh, "PENSTOCK_ROOTS=a,b PENSTOCK_ALLOW_PICKLE=perhaps penstock check")
    assert (said.code, said.out) == (2, "")
    for fault in ("PENSTOCK_ROOTS should hold JSON", "in PENSTOCK_ALLOW_PICKLE", "tagz= is not a keyword"):
        assert fault in " ".join(said.err.split())


def test_plan_says_what_would_run_and_why_not(fresh: Path, penstock: Call) -> None:
    """By conditions alone: news that nobody has looked at yet counts; once it is consumed everything waits."""
    planned = penstock(fresh, "plan", "--json").json
    assert planned["changed"] == ["zen"]
    assert "News since the last look: zen new." in penstock(fresh, "plan").out
    assert [(one["asset"], one["outcome"]) for one in planned["assets"]] == [(name, "run") for name in ASSETS]
    penstock(fresh, "materialize", "-q")
    said = penstock(fresh, "plan", "-s", "words")
    assert re.search(r"words hold waiting for:? lines", said.words)
    assert "Nothing would run." in said.out


def test_status_shows_where_each_asset_stands(look: Call) -> None:
    """Versions and last runs, the last materialization, the database."""
    said = look("status")
    assert "shop: 3 assets; runs: 3 success, 3 skipped" in said.out
    assert re.search(r"^words +[0-9a-f]{8} +85 +\S+ KiB +\d\d \w{3} \d\d:\d\d +skipped", said.out, re.MULTILINE)
    assert re.search(r"^Last materialization .*: success \(3 assets asked for", said.out, re.MULTILINE)
    whole = look("status", "--json").json
    assert whole["form"] == "current"
    assert whole["runs"] == {"success": 3, "skipped": 3}
    assert {one["name"]: one["last_run"]["state"] for one in whole["assets"]} == dict.fromkeys(ASSETS, "skipped")


def test_status_tells_what_drifted(fresh: Path, penstock: Call) -> None:
    """Other content of the same size, and what was deleted; the newest versions are shown again on request."""
    penstock(fresh, "materialize", "-q")
    assert penstock(fresh, "status", "--json").json["drift"] == []
    assert "at its URI" not in penstock(fresh, "status").out
    changed, removed = fresh / "data" / "words.parquet", fresh / "data" / "lines.parquet"
    content = bytearray(changed.read_bytes())
    content[99] ^= 1
    changed.write_bytes(content)
    removed.unlink()
    said = {one["dataset"]: one for one in penstock(fresh, "status", "--json").json["drift"]}
    assert {name: one["found"] for name, one in said.items()} == {"words": "changed", "lines": "missing"}
    assert said["words"]["uri"] == "words.parquet"
    shown = penstock(fresh, "status")
    assert re.search(r"^words .* success +changed", shown.out, re.MULTILINE)
    assert "Changed at its URI: somebody else wrote there." in shown.words
    changed.unlink()
    penstock(fresh, "materialize", "-q")
    assert penstock(fresh, "status", "--json").json["drift"] == []


def test_runs_lists_and_shows_one(look: Call) -> None:
    """The list names each run by the end of its id, and that end shows the run."""
    listed = look("runs", "--state", "success", "--asset", "words").out.splitlines()
    assert len(listed) == 3
    name = listed[2].split()[0]
    one = look("runs", name)
    assert one.out.startswith("Run ")
    for section in ("read", "consumed", "attempts", "published", "lineage events"):
        assert f"\n{section}\n" in one.out
    plain = look("runs", name, "--json").json
    assert plain["id"].endswith(name)
    assert [event["eventType"] for event in plain["lineage"]] == ["START", "COMPLETE"]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", plain["created_at"])
    page = look("runs", "--limit", "4")
    assert "There are older ones: --offset 4" in page.out
    assert len(look("runs", "--limit", "4", "--offset", "4", "--json").json["runs"]) == 2


def test_status_goes_by_pages(look: Call) -> None:
    """Each names the asset after which the next one begins; together they are all, each once, in both forms."""
    every = [one["name"] for one in look("status", "--json").json["assets"]]
    assert len(every) > 2
    found: list[str] = []
    after: tuple[str, ...] = ()
    while True:
        shown, told = look("status", "-n", "2", *after), look("status", "--limit", "2", *after, "--json").json
        names = [one["name"] for one in told["assets"]]
        found += names
        assert re.search(rf"^shop: {len(names)} assets? shown; runs: ", shown.out)
        assert [name for name in every if re.search(rf"^{name} ", shown.out, re.MULTILINE)] == names
        assert (f"There are more: --after {names[-1]}" in shown.out) == told["more"]
        if not told["more"]:
            break
        after = ("--after", names[-1])
    assert found == every
    assert "shown" not in look("status").out.splitlines()[0]
    refused = look("status", "--after", "nobody")
    assert refused.code == 2
    assert "there is no asset 'nobody'" in refused.err


def test_versions_and_traces_lead_to_digests(look: Call) -> None:
    """The digest that `versions` shows is the one that `trace` draws and takes."""
    (version,) = look("versions", "words", "--json").json["versions"]
    short = version["digest"][:8]
    assert short in look("versions", "words").out
    tree = look("trace", "favourites", "--tree").out
    assert f"└── words@1 {short}  85 rows" in tree
    assert "observed, not held" in tree
    assert look("trace", short, "--tree").out.splitlines()[0] in tree


def test_config_shows_where_each_value_came_from(look: Call, monkeypatch: pytest.MonkeyPatch, shell: Call) -> None:
    """File, environment or default; what is secret is masked."""
    said = {one["key"]: one for one in look("config", "--json").json}
    assert said["definitions"]["value"] == ["pipeline.py"]
    assert said["definitions"]["origin"].endswith("penstock.toml")
    assert said["home"]["origin"] == "default"
    assert "lineage.file.path" in look("config").out
    shown = shell(Path.cwd(), "PENSTOCK_DATABASE=postgresql://me:hunter2@host/db penstock config")
    assert re.search(r"database +postgresql://\S+@host/db +PENSTOCK_DATABASE", shown.out)
    assert "hunter2" not in shown.out
    shown = shell(
        Path.cwd(), "PENSTOCK_APP__PORT=4999 penstock config && PENSTOCK_APP__PORT=4999 penstock config --json"
    )
    assert re.search(r"app\.host +127\.0\.0\.1 +default\s+app\.port +4999 +PENSTOCK_APP__PORT", shown.out)
    assert '"app.host": "default"' in shown.out
    assert "Warning" not in shown.err


def test_db_upgrade_makes_and_keeps_the_newest_form(fresh: Path, penstock: Call) -> None:
    """It can be called at any time; a second call changes nothing."""
    assert penstock(fresh, "db", "upgrade", "--json").json["before"] is None
    again = penstock(fresh, "db", "upgrade", "--json").json
    assert again["before"] == again["after"]
    assert "has the newest form" in penstock(fresh, "db", "upgrade").out


def test_clean_removes_orphans_and_nothing_else(fresh: Path, penstock: Call) -> None:
    """Bytes that no version names go once they are old enough; versions stay and can be made again from."""
    penstock(fresh, "materialize", "-q")
    objects = fresh / "data" / ".penstock" / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    (objects / "ab").mkdir(exist_ok=True)
    young, old = objects / "ab" / f"{'ab' * 32}.json", objects / "ab" / f"{'ac' * 32}.json"
    for path in (young, old):
        path.write_text("[]")
    os.utime(old, (time.time() - 7200,) * 2)
    for path in before:
        os.utime(path, (time.time() - 7200,) * 2)
    assert penstock(fresh, "clean", "--dry-run", "--json").json["roots"][0]["files"] == 1
    assert old.exists()
    assert penstock(fresh, "clean", "--json").json["roots"][0] == {
        "root": str(fresh / "data"),
        "files": 1,
        "bytes": 2,
    }
    assert {path for path in objects.rglob("*") if path.is_file()} == {*before, young}
    assert "There was nothing to remove." in penstock(fresh, "clean").out


def test_clean_refuses_to_guess(fresh: Path, penstock: Call) -> None:
    """A store that names no version says nothing of what may go; a grace period shorter than a publication is none."""
    for arguments in (["clean"], ["clean", "--older-than", "1s"], ["clean", "--older-than", "soon"]):
        said = penstock(fresh, *arguments)
        assert (said.code, said.out) == (2, ""), arguments
    penstock(fresh, "db", "upgrade")
    assert "names no version" in penstock(fresh, "clean").err


def test_a_source_that_is_gone_is_no_change(fresh: Path, penstock: Call) -> None:
    """`plan` says what will happen: the reader is held, as `--dry-run` and `materialize` say too."""
    (fresh / "pipeline.py").write_text(
        "from penstock import Dataset, asset\nraw, r2 = Dataset('raw.csv'), Dataset('r2.csv')\n"
        "@asset('both.json', on=raw | r2)\ndef both(raw: bytes, r2: bytes) -> int:\n    return len(raw) + len(r2)\n"
    )
    for name in ("raw", "r2"):
        (fresh / "data" / f"{name}.csv").write_text("a\n")
    assert penstock(fresh, "materialize").code == 0
    (fresh / "data" / "r2.csv").unlink()
    said = penstock(fresh, "plan")
    assert said.out.startswith("News since the last look: r2 removed.\n")
    assert "both hold waiting for raw or r2" in said.words
    assert "Nothing would run." in said.out
    plain = penstock(fresh, "plan", "--json").json
    assert (plain["changed"], plain["removed"]) == ([], ["r2"])
    (fresh / "data" / "raw.csv").write_text("ab\n")
    assert "both hold input has no version: r2" in penstock(fresh, "plan").words
    assert "both hold input has no version: r2" in penstock(fresh, "materialize", "--dry-run").words
    said = penstock(fresh, "materialize")
    assert (said.code, "input has no version: r2" in said.words) == (1, True)


def test_a_selection_lists_what_it_reads_and_nothing_else(fresh: Path, penstock: Call) -> None:
    """What is read and not written by what is shown stands below it, with its URI: others write it, or other assets."""
    assert penstock(fresh, "list").out.endswith("3 assets; others write: zen (zen.txt)\n")
    assert penstock(fresh, "list", "-s", "lines").out.endswith("1 asset; others write: zen (zen.txt)\n")
    said = penstock(fresh, "list", "words").out
    assert said.endswith("1 asset; assets that are not shown write: lines (lines.parquet)\n")


def test_an_asset_of_several_outputs_is_called_alike_everywhere(broken: Path, penstock: Call) -> None:
    """The asset comes first, then the dataset of the row, or all of them where a row is an asset."""
    made = penstock(broken, "materialize", "-s", "parts", "--only").out
    for row in ("parts → head", "parts → tail"):
        assert row in made
        assert row in penstock(broken, "status").out
    assert "parts → head, tail" in penstock(broken, "list").out
    assert "[" not in made
