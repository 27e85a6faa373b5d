"""Wrong use, faults and interruptions: one sentence, the next step, and the right exit code."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(sys.executable).parent / "penstock")
Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["materialize", "-s", "wrods"], "Did you mean words?"),
        (["materialize", "--param", "favourites.top"], "gives no value"),
        (["materialize", "--param", "favourites.top=many"], "favourites.top is int"),
        (
            ["materialize", "--param", "favourites.top=1", "--param", " favourites.top =2"],
            "favourites.top twice: favourites.top=1 and favourites.top=2",
        ),
        (["materialize", "--param", "favourites.nope=1"], "there is no run parameter"),
        (["versions", "wrods"], "Did you mean words?"),
        (["trace", "wrods"], "Did you mean words?"),
        (["runs", "nothing"], "there is no run 'nothing'"),
        (["runs", "words"], "`penstock runs --asset words` shows its runs"),
        (["runs", "--state", "asleep"], "asleep"),
        (["list", "-C", "nowhere"], "there is no folder nowhere"),
        (["-C", "/", "list"], "no definitions"),
        (["nonsense"], "No such command 'nonsense'"),
        (["materialise"], "Did you mean 'materialize'?"),
        (["trace"], "Missing argument"),
        (["list", "--nonsense"], "No such option"),
        (["partitions", "words", "--limit", "2000"], "less than or equal to 1000"),
        (["rerun"], "Usage: penstock rerun [OPTIONS] {RUN};"),
        (["backfill", "nonsense"], "No such command 'nonsense'"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_is_right(look: Call, arguments: list[str], message: str) -> None:
    """One sentence and the next step, on standard error alone; no trace."""
    said = look(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: ")
    assert message in " ".join(said.err.split())
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["materialize", "-s", "wrods", "--json"], "usage", "wrods"),
        (["versions", "wrods", "--json"], "usage", "wrods"),
        (["--json", "trace"], "usage", "--json"),
        (["trace", "--json"], "usage", "Missing argument"),
        (["list", "--nonsense", "--json"], "usage", "No such option"),
        (["nonsense", "--json"], "usage", "No such command"),
        (["list", "-C", "nowhere", "--json"], "usage", "there is no folder nowhere"),
    ],
)
def test_a_program_gets_its_error_as_an_object(look: Call, arguments: list[str], kind: str, message: str) -> None:
    """With --json it is one object on standard output, and nothing else anywhere; the exit code is the same."""
    said = look(*arguments)
    assert (said.code, said.err) == (2, "")
    assert list(said.json) == ["error"]
    error = said.json["error"]
    assert list(error) == ["kind", "message", "hint", "faults"]
    assert (error["kind"], error["faults"]) == (kind, [])
    assert message in error["message"]
    assert error["hint"]


FAULTY = """from penstock import Cron, Dataset, asset

docs = Dataset("docs.txt", wach="1m")

@asset("a.json", on=docs and Cron("0 25 * * *"))
def a(docs: str, nobody: str) -> str:
    return docs
"""


def test_every_fault_of_a_module_is_told_together(fresh: Path, penstock: Call) -> None:
    """An unknown keyword, `and`, a wrong timetable and an input that nobody knows, each with file and line; to a
    program each as an object."""
    (fresh / "pipeline.py").write_text(FAULTY)
    said = penstock(fresh, "check")
    assert (said.code, said.out) == (2, "")
    assert "the definitions have 4 faults" in said.err
    assert "Did you mean watch=?" in said.err
    assert re.findall(r"pipeline\.py:(\d+)", said.err) == ["3", "5", "5", "5"]
    for command in ("check", "list", "plan", "materialize"):
        said = penstock(fresh, command, "--json")
        assert (said.code, said.err) == (2, "")
        error = said.json["error"]
        assert (error["kind"], error["message"]) == ("faulty_definitions", "the definitions have 4 faults")
        assert [(one["kind"], one["line"]) for one in error["faults"]] == [
            ("declaration", 3),
            ("declaration", 5),
            ("declaration", 5),
            ("unbound_parameter", 5),
        ]
        assert all(one["message"] and one["hint"] and one["file"].endswith("pipeline.py") for one in error["faults"])


def test_other_errors_are_objects_too(fresh: Path, penstock: Call) -> None:
    """A setting, the environment, code of the project that ends the process: kind, and exit code, as for people."""
    (fresh / "pipeline.py").write_text("from penstock import asset\n@asset('a.json')\ndef a() -> int:\n    return 1\n")
    (fresh / "home").write_text("")
    for toml, code, kind in (
        ("nonsense = 1", 2, "settings"),
        ('definitions = ["pipeline.py"]\nhome = "home/x"', 1, "storage"),
    ):
        (fresh / "penstock.toml").write_text(toml)
        said = penstock(fresh, "materialize", "--json")
        assert (said.code, said.err, said.json["error"]["kind"]) == (code, "", kind)
    said = penstock(fresh, "--traceback", "materialize", "--json")
    assert said.err.startswith("Traceback")
    assert said.json["error"]["kind"] == "storage"


@pytest.mark.parametrize("command", ["config", "list", "status", "check", "plan"])
def test_a_variable_that_sets_nothing_is_told(fresh: Path, shell: Call, command: str) -> None:
    """With the nearest that would, once, and never with its value; nothing else is different."""
    said = shell(fresh, f"PENSTOCK_DATAROOT=s3cret PENSTOCK_SHOES=s3cret penstock {command} --json")
    assert said.code == 0
    assert said.err.splitlines() == [
        "Warning: the variable PENSTOCK_DATAROOT is no setting and has no effect; did you mean PENSTOCK_DATA_ROOT?",
        "Warning: the variable PENSTOCK_SHOES is no setting and has no effect; `penstock config` shows the settings.",
    ]
    assert "s3cret" not in said.out
    assert said.json


def test_run_parameters_for_nobody_are_told(fresh: Path, penstock: Call) -> None:
    """Every command that reads the definitions warns, with the nearest asset; for `check` it is a fault, and so is a
    value that is not of its type."""
    toml = (fresh / "penstock.toml").read_text()
    (fresh / "penstock.toml").write_text(f"{toml}[parameters.favorites]\ntop = 3\n")
    sentence = "the setting parameters.favorites has no effect: there is no asset favorites; did you mean favourites?"
    said = penstock(fresh, "list")
    assert (said.code, said.err) == (0, f"Warning: {sentence}\n")
    said = penstock(fresh, "check")
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    (fresh / "penstock.toml").write_text(f'{toml}[parameters.favourites]\ntop = "many"\n')
    said = penstock(fresh, "check", "--json")
    assert (said.code, said.json["error"]["kind"]) == (2, "settings")
    assert "favourites.top" in said.json["error"]["message"]


def test_every_kind_of_fault_is_told_in_one_go(fresh: Path, shell: Call) -> None:
    """Settings that are not there, of another type, for nobody and of no asset's type; declarations, bindings, what
    is not permitted and where nothing can be written."""
    (fresh / "penstock.toml").write_text(
        'definitions = ["pipeline.py"]\nfrobs = 1\nhome = 3\nenvironment = ["no-such-thing"]\n'
        "[parameters.zz]\nx = 1\n[parameters.a]\nnope = 1\n"
    )
    (fresh / "pipeline.py").write_text(
        "from penstock import Dataset, asset\n"
        "docs = Dataset('docs.txt', wach='1m')\n"
        "@asset('a.json')\ndef a(nothing: str) -> int | None: return 1\n"
        "@asset('b.pkl')\ndef b() -> dict[str, int]: return {}\n"
        "@asset('https://host/c.json')\ndef c() -> int: return 1\n"
    )
    expected = (
        "frobs: there is no such setting", "home: found 3", "'no-such-thing', which is not installed",
        "there is no asset zz", "parameters.a.nope", "wach", "parameter 'nothing'",
        "gives int | None, which may be None", "b.pkl as pickle", "https://host/c.json",
    )  # fmt: skip
    for prefix in ("", "PENSTOCK_ROOTS=nonsense "):
        said = shell(fresh, f"{prefix}penstock check --json")
        assert said.code == 2
        told = [fault["message"] for fault in said.json["error"]["faults"]]
        for one in expected if not prefix else expected[2:]:
            assert sum(one in text for text in told) == 1, (one, told)
        assert "the definitions and the settings have" in said.json["error"]["message"]
    assert "PENSTOCK_ROOTS" in " ".join(told)


def test_destinations_that_nothing_can_be_sent_to_are_told_by_check(fresh: Path, penstock: Call) -> None:
    """Each of them, before something is made; what a URL has in it is not repeated."""
    (fresh / "penstock.toml").write_text(
        'definitions = ["pipeline.py"]\n'
        '[lineage.a]\ntype = "http"\nurl = "http://host:notaport"\n'
        '[lineage.b]\ntype = "http"\nurl = "http://user:hidden@host:1"\n'
        '[lineage.c]\ntype = "http"\nurl = "ftp://host"\n'
    )
    (fresh / "pipeline.py").write_text("from penstock import asset\n@asset('a.json')\ndef a() -> int: return 1\n")
    said = penstock(fresh, "check")
    assert said.code == 2
    for words in ("'a' has no host, or a port that is none", "'b' carries credentials", "'c' is no http or https URL"):
        assert words in " ".join(said.err.split())
    assert "hidden" not in said.err


def test_two_datasets_of_one_name_are_told_what_helps(fresh: Path, penstock: Call) -> None:
    """The name of a dataset is said where it is declared; done as it is said, there is no fault left."""
    text = "from penstock import Dataset, asset\n@asset({one}, name='one')\ndef f() -> int: return 1\n"
    text += "@asset('en/x.json', name='two')\ndef g() -> int: return 1\n"
    (fresh / "penstock.toml").write_text('definitions = ["pipeline.py"]\n')
    (fresh / "pipeline.py").write_text(text.format(one="'de/x.json'"))
    said = penstock(fresh, "check", "--json")
    (fault,) = said.json["error"]["faults"]
    helps = re.search(r"@asset\((Dataset.*\))\)", fault["hint"])
    assert helps is not None, fault
    (fresh / "pipeline.py").write_text(
        text.replace("'en/x.json'", helps[1].replace("…", "other")).format(one="'de/x.json'")
    )
    assert penstock(fresh, "check").code == 0


def test_a_pickle_is_refused_before_it_is_made(fresh: Path, penstock: Call) -> None:
    """By `check`, `plan` and `materialize` alike, with file and line; nothing has run."""
    (fresh / "pipeline.py").write_text(
        "from pathlib import Path\nfrom penstock import asset\n"
        "@asset('a.pkl')\ndef a() -> dict[str, int]:\n    Path('ran').touch()\n    return {}\n"
    )
    for command in ("check", "plan", "materialize", "materialize --dry-run"):
        said = penstock(fresh, *command.split(), "--json")
        assert said.code == 2
        (fault,) = said.json["error"]["faults"]
        assert (fault["kind"], fault["line"]) == ("not_permitted", 3)
        assert "allow_pickle = true" in fault["hint"]
    assert not (fresh / "ran").exists()


def test_a_setting_that_cannot_be_read_is_wrong_use(fresh: Path, penstock: Call) -> None:
    """Exit code 2, the file is named; with --traceback everything that led to it comes first."""
    (fresh / "penstock.toml").write_text("nonsense = 1")
    said = penstock(fresh, "status")
    assert (said.code, said.out) == (2, "")
    assert "nonsense" in said.err
    assert "penstock.toml" in said.err
    assert penstock(fresh, "--traceback", "status").err.startswith("Traceback")


def test_a_fault_of_the_environment_exits_with_1(fresh: Path, penstock: Call) -> None:
    """A database of a newer penstock is left alone, by readers and by writers."""
    penstock(fresh, "db", "upgrade")
    with sqlite3.connect(fresh / ".penstock" / "penstock.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in ("status", "materialize", "db upgrade"):
        said = penstock(fresh, *command.split())
        assert (said.code, said.out) == (1, "")
        assert "upgrade penstock" in said.err.lower()


def test_what_definitions_raise_has_its_trace_when_it_is_asked_for(fresh: Path, penstock: Call) -> None:
    """The sentence names file and line; --traceback shows the error itself."""
    (fresh / "pipeline.py").write_text("import not_there_at_all\n")
    assert penstock(fresh, "list").err.count("Traceback") == 0
    assert "ModuleNotFoundError" in penstock(fresh, "list", "--traceback").err


def test_asking_makes_no_database(fresh: Path, penstock: Call) -> None:
    """Before the first materialization every question is answered, and nothing is written."""
    assert "Nothing has been recorded yet" in penstock(fresh, "status").out
    assert "There are no runs yet" in penstock(fresh, "runs").out
    assert "There are no such runs" in penstock(fresh, "runs", "--state", "failed").out
    assert penstock(fresh, "runs", "--json").json == {"runs": [], "more": False}
    assert penstock(fresh, "versions", "words").code == 2
    assert not (fresh / ".penstock").exists()


@pytest.fixture
def slow(fresh: Path) -> Path:
    """A project whose one asset says that it runs, and goes on for long."""
    (fresh / "pipeline.py").write_text(
        "import time\nfrom pathlib import Path\nfrom penstock import asset\n"
        "@asset('slow.json')\ndef slow() -> int:\n    Path('runs').touch()\n    time.sleep(60)\n    return 1\n"
    )
    return fresh


def until(true: Callable[[], bool]) -> None:
    """Wait for something to be so, at most 20 s."""
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_ctrl_c_is_one_sentence(slow: Path, penstock: Call) -> None:
    """Exit code 130; the run is canceled, and nothing else is said."""
    with subprocess.Popen(
        [PROGRAM, "materialize", "--quiet"], cwd=slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until((slow / "runs").exists)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted. What was published stays; the same command goes on from there.\n"
    assert [one["state"] for one in penstock(slow, "runs", "--json").json["runs"]] == ["canceled"]


def test_a_producer_that_ends_the_process_is_told_so(fresh: Path, penstock: Call) -> None:
    """`sys.exit(0)` in a producer is no success."""
    (fresh / "pipeline.py").write_text(
        "import sys\nfrom penstock import asset\n@asset('a.json')\ndef a() -> int:\n    sys.exit(0)\n"
    )
    said = penstock(fresh, "materialize", "-q")
    assert said.code == 1
    assert "sys.exit(0)" in said.err


def test_a_closed_pipe_is_no_error(fresh: Path, penstock: Call, shell: Call) -> None:
    """Who stops reading stops nothing: the work is done, also if a producer prints, and the exit code is 0."""
    (fresh / "pipeline.py").write_text(
        "from penstock import asset\n@asset('a.json')\ndef a() -> int:\n    print('x' * 100_000)\n    return 1\n"
    )
    said = shell(fresh, "penstock materialize | true; echo ${PIPESTATUS[0]}; penstock --help | true")
    assert (said.code, said.out) == (0, "0\n")
    assert "Error" not in said.err
    assert [one["state"] for one in penstock(fresh, "runs", "--json").json["runs"]] == ["success"]


@pytest.mark.parametrize(
    "command", ["runs", "runs --json", "lineage words --json", "status", "--help", "nonsense --json"]
)
def test_an_answer_that_cannot_be_written_is_one_sentence(shop: Path, shell: Call, command: str) -> None:
    """A full disk behind standard output: exit code 1, no trace, and nothing to report to anybody."""
    said = shell(shop, f"penstock {command} > /dev/full")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [
        "Error: standard output cannot be written: No space left on device",
        "What the command did is done; send what it prints elsewhere.",
    ]


def test_work_goes_on_where_nobody_can_be_told(fresh: Path, penstock: Call, shell: Call) -> None:
    """A producer that prints into a full disk does not fail for it; what it made is published."""
    (fresh / "pipeline.py").write_text(
        "from penstock import asset\n@asset('a.json')\ndef a() -> int:\n    print('x' * 100_000)\n    return 1\n"
    )
    assert shell(fresh, "penstock materialize > /dev/full 2> /dev/full").code == 1
    assert [one["state"] for one in penstock(fresh, "runs", "--json").json["runs"]] == ["success"]


def test_what_could_not_be_looked_at_is_told_once(fresh: Path, penstock: Call) -> None:
    """The sentence and the next step below the table; the table and the progress say it in a word."""
    (fresh / "pipeline.py").write_text(
        "from penstock import Dataset, asset\n"
        "docs = Dataset('s4://bucket/docs.txt')\n"
        "@asset('a.txt', on=docs)\ndef a(docs: str) -> str:\n    return docs\n"
        "@asset('b.txt', on=docs)\ndef b(docs: str) -> str:\n    return docs\n"
    )
    said = penstock(fresh, "materialize", width=200)
    everything = " ".join(f"{said.out} {said.err}".split())
    assert said.code == 1
    assert everything.count("a protocol that no installed library knows") == 1
    assert everything.count("Correct the scheme of the URI") == 1
    assert "`penstock event docs` tells of one" in everything
    assert "Looked at 1 source: docs not told of yet." in said.words
    assert said.out.count("input has no version: docs") == 2
    assert penstock(fresh, "plan", width=250).words.count("waiting for docs") == 2
