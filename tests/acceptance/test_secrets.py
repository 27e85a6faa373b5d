"""Secrets are looked up where the producer runs, and are in nothing that is stored, printed or sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, RateLimit, Secret, Skip, UsageError, asset, resource
from penstock.storage.masking import MASK, mask
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

KEY = Secret("PENSTOCK_TEST_KEY_OF_ACME")
VALUE = 'sk-"quoted"/0123456789'


@asset("used.txt")
def used(ctx: Context, *, key: Secret = KEY, mode: str = "well") -> str:
    """Tells its key wherever one can."""
    ctx.metadata(said=f"by {key.value}", nested=[{"key": key.value}])
    if mode == "fails":
        raise ValueError(f"denied: {key.value} or {key.value!r}")
    if mode == "skips":
        raise Skip(f"denied: {key.value}")
    return str(len(key.value))


@pytest.mark.parametrize("mode", ["well", "fails", "skips"])
def test_a_secret_is_in_nothing_that_is_stored(lab: Lab, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Given by its variable: not in the database, in no error and no trace, in no lineage; its value is used."""
    monkeypatch.setenv(KEY.name, VALUE)
    outcome = lab.make(used, parameters={"used.mode": mode})["used"]
    whole = "\n".join(lab.dump()) + repr(outcome)
    assert VALUE not in whole
    assert "0123456789" not in whole
    if mode == "well":
        assert lab.read("used.txt") == str(len(VALUE))
        assert f"by {MASK}" in lab.said("used") or "by \\u2026" in lab.said("used")
    elif mode == "fails":
        assert outcome.error["message"] == f"denied: {MASK} or '{MASK}'"
    else:
        assert outcome.told == f"skipped by its producer: denied: {MASK}"


def test_a_limit_that_is_named_by_a_secret_is_kept_without_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One limit for each key of an account: still one for each value, and the same one in the next run."""

    @asset("a.txt")
    def a(ctx: Context, *, key: Secret = KEY) -> str:
        ctx.throttle(RateLimit(key.value, "1000/s"))
        ctx.throttle(RateLimit(f"to {key.value}", "1000/s"))
        return "x"

    for value in ("first-value", "second-value", "first-value"):
        monkeypatch.setenv(KEY.name, value)
        assert lab.make(a, force=True)["a"].state is RunState.SUCCESS
    kept = [name for (name,) in lab.rows("SELECT name FROM rate_limits")]
    assert len(kept) == 4
    assert all(name.startswith(f"{MASK} ") for name in kept)
    assert "-value" not in "\n".join(lab.dump())


def test_another_value_changes_no_run_key(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was exchanged makes nothing again; another secret is another code."""

    @asset("raw.txt")
    def raw() -> str:
        return "x"

    @asset("read.txt")
    def read(raw: str, *, key: Secret = KEY) -> str:
        return raw + str(len(key.value))

    monkeypatch.setenv(KEY.name, "first-value")
    assert lab.make(raw, read)["read"].state is RunState.SUCCESS
    monkeypatch.setenv(KEY.name, "second-value-and-longer")
    assert lab.make(raw, read)["read"].state is RunState.SKIPPED
    assert lab.rows("SELECT COUNT(*) FROM runs WHERE CAST(made_from AS TEXT) LIKE '%key%of%acme%'") == [(0,)]


def test_a_secret_comes_from_a_file_where_no_variable_has_it(lab: Lab) -> None:
    """The setting `secrets` names the folder; one newline at its end is none of it. Resources get theirs alike."""
    folder = lab.folder / "hidden"
    folder.mkdir()
    (folder / KEY.name).write_text("from-a-file\n")

    @resource
    def session(*, key: Secret = KEY) -> Iterator[str]:
        yield key.value.upper()

    @asset("a.txt")
    def a(session: str, *, key: Secret = KEY) -> str:
        return f"{key.value} {session}"

    assert lab.make(session, a, secrets=str(folder)).ok
    assert lab.read("a.txt") == "from-a-file FROM-A-FILE"


def test_a_secret_that_nobody_has_is_named_with_where_it_was_looked_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is set up; an empty variable is none."""
    up: list[str] = []
    monkeypatch.setenv(KEY.name, "")

    @resource
    def session() -> Iterator[str]:
        up.append("up")
        yield ""

    @asset("a.txt")
    def a(session: str, *, key: Secret = KEY) -> str:
        return session

    error = lab.make(session, a, secrets="hidden")["a"].error
    assert error["kind"] == "missing_secret"
    assert error["message"] == (
        f"asset a needs secret {KEY.name}, which nobody has: looked for in the variable {KEY.name}, which is empty, "
        f"the file {lab.folder / 'hidden' / KEY.name}"
    )
    assert up == []


def test_a_short_secret_is_told_to_be_unmasked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three characters stand everywhere: what is left out would tell them."""
    monkeypatch.setenv(KEY.name, "abc")
    outcome = lab.make(used)["used"]
    assert outcome.warning == f"secret {KEY.name} has less than 4 characters: it is not masked"
    assert mask("abcdef") == "abcdef"


def test_outside_of_a_run_a_secret_has_no_value() -> None:
    """It says how to hand one in; what holds one shows it to nobody."""
    with pytest.raises(UsageError, match=r"Secret\.holding"):
        _ = KEY.value
    held = Secret.holding("NAME", "v4lue-of-it")
    assert (held.value, str(held), f"{held!r}") == ("v4lue-of-it", "Secret('NAME')", "Secret('NAME')")


def test_back_ends_are_asked_last_and_check_tells_what_is_missing(lab: Lab) -> None:
    """By the entry point group `penstock.secrets`, also under names that are no file; `check` warns, and is content."""
    if not lab.url.startswith("sqlite"):
        pytest.skip("nothing of it concerns the database")
    site = lab.folder / "site"
    info = site / "vault-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[penstock.secrets]\nvault = vault:ask\n")
    (site / "vault.py").write_text("def ask(name):\n    return {'team/key': 'from-the-vault'}.get(name)\n")
    (lab.folder / "pipeline.py").write_text(
        "from penstock import Secret, asset\n"
        '@asset("a.txt")\n'
        'def a(*, key: Secret = Secret("team/key")) -> str:\n    return key.value\n'
        '@asset("b.txt")\n'
        'def b(*, key: Secret = Secret("NOBODY_HAS_IT")) -> str:\n    return key.value\n'
    )
    (lab.folder / "penstock.toml").write_text('definitions = ["pipeline.py"]\nhome = "home"\n')

    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "penstock"), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return subprocess.run(command, cwd=lab.folder, env=environment, capture_output=True, check=False, text=True)

    checked = said("check")
    assert checked.returncode == 0, checked.stderr
    told = " ".join(checked.stdout.split())
    assert "b: secret NOBODY_HAS_IT is not here" in told
    assert "team/key" not in told
    assert said("materialize", "a").returncode == 0
    assert (lab.folder / "data" / "a.txt").read_text() == "from-the-vault"
