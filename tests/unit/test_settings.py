"""Settings: where each value comes from, what is refused, and what is never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from penstock.storage.errors import SettingsFault
from penstock.storage.settings import AppSettings, FileDestination, HttpDestination, read_settings, readable_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and an environment that sets nothing of ours."""
    for name in [name for name in os.environ if name.upper().startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    made = tmp_path / "kb"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def write(folder: Path, text: str, name: str = "penstock.toml") -> Path:
    """A settings file."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_there_are_defaults(folder: Path) -> None:
    """The project is called after its folder; everything lies in it; every origin says so."""
    found = read_settings(folder)
    assert found.project == "kb"
    assert found.home == folder / ".penstock"
    assert found.database_url == f"sqlite:///{folder}/.penstock/penstock.db"
    assert found.data_root == str(folder / "data")
    assert found.destinations == {"file": FileDestination(path=str(folder / ".penstock" / "lineage.ndjson"))}
    assert found.file is None
    assert set(found.origin.values()) == {"default"}
    assert set(found.origin) == set(found.shown())


def test_the_call_wins_over_the_environment_over_the_file_over_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each key by itself; the origin names the variable or the file."""
    file = write(folder, 'project = "of file"\ndata_root = "of file"\nhome = "of_file"\n')
    monkeypatch.setenv("PENSTOCK_DATA_ROOT", "of environment")
    monkeypatch.setenv("PENSTOCK_HOME", "of_environment")
    found = read_settings(folder, home=folder / "of_call")
    assert (found.project, found.data_root) == ("of file", str(folder / "of environment"))
    assert (found.home, found.values.database) == (folder / "of_call", "sqlite")
    assert found.origin["project"] == str(file)
    assert found.origin["data_root"] == "PENSTOCK_DATA_ROOT"
    assert found.origin["home"] == "call"
    assert found.origin["database"] == "default"


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("PENSTOCK_PROJECT", "other", "project", "other"),
        ("penstock_project", "other", "project", "other"),
        ("PENSTOCK_DEFINITIONS", '["a.py", "b"]', "definitions", ["a.py", "b"]),
        ("PENSTOCK_ALLOW_PICKLE", "true", "allow_pickle", True),
        ("PENSTOCK_POOLS", '{"gpu": 2}', "pools", {"gpu": 2}),
        ("PENSTOCK_POOLS__gpu", "2", "pools", {"gpu": 2}),
        ("PENSTOCK_PARAMETERS", '{"ranker": {"epochs": 5}}', "parameters", {"ranker": {"epochs": 5}}),
        (
            "PENSTOCK_STORAGE_OPTIONS__s3__endpoint_url",
            "http://h",
            "storage_options",
            {"s3": {"endpoint_url": "http://h"}},
        ),
        ("PENSTOCK_LINEAGE", '{"f": {"type": "file", "path": "x"}}', "lineage", {"f": FileDestination(path="x")}),
    ],
)
def test_every_key_can_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, variable: str, value: str, key: str, expected: Any
) -> None:
    """Lists and tables as JSON, or a part of a table behind two underscores; the origin is the variable itself."""
    monkeypatch.setenv(variable, value)
    found = read_settings(folder)
    assert getattr(found.values, key) == expected
    assert found.origin[key] == variable


def test_the_nearest_folder_upwards_that_has_settings_counts(folder: Path) -> None:
    """From deep inside; relative paths are relative to the file, not to where the command stands."""
    write(folder.parent, 'project = "too far"\n')
    file = write(folder, 'project = "near"\nroots = ["archive"]\n')
    inside = folder / "src" / "deep"
    inside.mkdir(parents=True)
    write(folder / "src", '[project]\nname = "another tool"\n[tool.ruff]\n', "pyproject.toml")
    found = read_settings(inside)
    assert (found.project, found.folder, found.file) == ("near", folder, file)
    assert found.data_root == str(folder / "data")


def test_pyproject_is_as_good_and_the_own_file_better(folder: Path) -> None:
    """`[tool.penstock]` counts, also when it is empty, unless a penstock.toml lies beside it."""
    write(folder.parent, 'project = "too far"\n')
    shared = write(folder, '[tool.penstock]\ndefinitions = ["assets.py"]\n', "pyproject.toml")
    found = read_settings(folder)
    assert (found.values.definitions, found.file, found.origin["definitions"]) == (["assets.py"], shared, str(shared))
    write(folder, "[tool.penstock]\n", "pyproject.toml")
    assert read_settings(folder).project == "kb"
    write(folder, 'project = "own"\n')
    assert read_settings(folder).project == "own"


def test_the_working_directory_is_where_to_look(folder: Path) -> None:
    """When no folder is given."""
    write(folder, 'project = "here"\n')
    assert read_settings().project == "here"


def test_all_faults_are_told_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown keys, wrong types, wrong words, of the file and the environment; the hint says where they come from."""
    file = write(
        folder,
        'projet = "kb"\ndatabase = 3\nproject = "a/b"\nlineage.main = { type = "kafka" }\n'
        'lineage.web = { type = "http", url = "http://h", timeout = 0, retries = 3 }\n',
    )
    monkeypatch.setenv("PENSTOCK_ALLOW_PICKLE", "perhaps")
    with pytest.raises(SettingsFault) as caught:
        read_settings(folder)
    first, *lines = caught.value.message.splitlines()
    assert first == "settings cannot be read:"
    assert sorted(line.strip() for line in lines) == [
        'allow_pickle: found "perhaps" in PENSTOCK_ALLOW_PICKLE, expected true or false',
        "database: found a number, expected a text in quotes",
        'lineage.main: found "kafka", expected type "file" or "http"',
        "lineage.web.retries: a destination of type http has no such key; "
        "there are type, url, endpoint, api_key_env, timeout, headers",
        "lineage.web.timeout: found 0, expected more than 0",
        "project: found \"a/b\", expected letters, digits, '.', '-', '_' and spaces only",
        "projet: there is no such setting; did you mean project?",
    ]
    assert str(file) in caught.value.hint
    assert "PENSTOCK_" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('definitions = "p.py"', 'definitions: found "p.py", expected a list, e.g. ["…"]'),
        ("lineage.a.type = 'fiel'", 'lineage.a: found "fiel", expected type "file" or "http"; did you mean file?'),
        ("lineage.a.url = 'x'", 'lineage.a: has no type; expected type "file" or "http"'),
        ("lineage.a = 3", "lineage.a: found 3, expected a table"),
        ("lineage.a.type = 'file'", "lineage.a.path: is missing; a destination of type file needs it"),
        ("storage_options.s3 = 's3cret'", "storage_options.s3: found a text, expected a table"),
        (
            "lineage.a = { type = 'http', url = 'h', headers = 's3cret' }",
            "lineage.a.headers: found a text, expected a table",
        ),
        ("policies.timeout = 3", "policies.timeout: found 3, expected a table"),
        ("policies.retries.delay = 'soon'", 'policies.retries.delay: found "soon", expected a length of time such as '),
        ("policies.retries.jitter = 2", "policies.retries.jitter: found 2, expected at most 1"),
        ("policies.retries.max_attempts = 0", "policies.retries.max_attempts: found 0, expected at least 1"),
        ("policies.retries.on = 'a b'", 'policies.retries.on.0: found "a b", expected the name of a class of errors'),
        ("policies.retry = 3", "policies.retry: there is no such policy; there are retries, timeout, groups"),
        ("policies.timeout.idle = '1h'", "policies.timeout.idle: there is no such policy; there are queue, run, total"),
        (
            "policies.groups.kb.timeut = '1h'",
            "policies.groups.kb.timeut: there is no such policy; did you mean timeout?",
        ),
        ("shoes = true", "shoes: there is no such setting; there are project, definitions, home, "),
    ],
)
def test_a_fault_says_what_was_found_and_what_is_expected(folder: Path, text: str, sentence: str) -> None:
    """In our words, with the nearest that is known; a value that may be a secret is named by its kind alone."""
    write(folder, text)
    with pytest.raises(SettingsFault) as caught:
        read_settings(folder)
    assert caught.value.message.startswith(f"settings cannot be read:\n  {sentence}")
    assert "s3cret" not in str(caught.value)


def test_defaults_of_policies_are_read_in_short_and_at_length(folder: Path) -> None:
    """A number is one of retries, a length of time that of one try; a group has its own."""
    write(
        folder,
        "[policies]\nretries = 2\ntimeout = '1h'\n"
        "[policies.groups.kb]\nretries = { delay = '2s', on = 'TimeoutError' }\ntimeout = { queue = '5m' }\n",
    )
    found = read_settings(folder).values.policies
    kb = found.groups["kb"]
    assert found.retries is not None
    assert found.timeout is not None
    assert kb.retries is not None
    assert kb.timeout is not None
    assert (found.retries.max_attempts, found.timeout.run) == (3, "1h")
    assert (kb.retries.delay, kb.retries.on, kb.timeout.queue, kb.timeout.run) == ("2s", ["TimeoutError"], "5m", None)


def test_parameters_of_nobody_are_known(folder: Path) -> None:
    """Each with the nearest asset; which assets there are, the definitions alone know."""
    write(folder, "[parameters.bset]\ntop = 1\n[parameters.zzz]\nx = 1\n[parameters.daily]\nx = 1\n")
    assert read_settings(folder).strangers({"best", "daily"}) == {"bset": "best", "zzz": ""}


@pytest.mark.parametrize("overrides", [{"databse": "x"}, {"database": 3}, {"definitions": "a.py"}])
def test_what_a_program_passes_is_checked_too(folder: Path, overrides: dict[str, Any]) -> None:
    """An unknown key or a wrong type in the call is the same error."""
    with pytest.raises(SettingsFault, match=next(iter(overrides))):
        read_settings(folder, **overrides)


@pytest.mark.parametrize("text", ["project = ", 'project = "a"\nproject = "b"\n', "\x00"])
def test_a_file_that_is_no_toml_is_named(folder: Path, text: str) -> None:
    """With what is wrong in it."""
    file = write(folder, text)
    with pytest.raises(SettingsFault) as caught:
        read_settings(folder)
    assert caught.value.message.startswith(f"{file} cannot be read: ")


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    """Bytes that are not UTF-8."""
    (folder / "penstock.toml").write_bytes(b'project = "\xff"')
    with pytest.raises(SettingsFault, match=r"penstock\.toml cannot be read"):
        read_settings(folder)


def test_a_variable_that_is_no_json_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list has to be written as JSON: the setting is named, and how to write it."""
    monkeypatch.setenv("PENSTOCK_DEFINITIONS", "a.py,b.py")
    with pytest.raises(SettingsFault, match="PENSTOCK_DEFINITIONS should hold JSON"):
        read_settings(folder)


def test_faulty_variables_hide_no_other_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told, with what is wrong in the file; what can be read is, for telling what else is wrong. A text that is
    no JSON is not shown: it may be a secret."""
    write(folder, 'project = "kb"\ndata_root = 3\n[parameters.a]\nx = 1\n')
    for name, text in (("LINEAGE", "{s3cret"), ("ROOTS", "a,b"), ("ALLOW_PICKLE", "perhaps"), ("PARAMETERS__a__y", "2"),
                       ("DEFINITIONS", '["p.py"]'), ("PROJECT", "other")):  # fmt: skip
        monkeypatch.setenv(f"PENSTOCK_{name}", text)
    with pytest.raises(SettingsFault) as caught:
        read_settings(folder)
    assert sorted(line.partition(" should")[0].strip() for line in caught.value.message.splitlines()[1:]) == [
        'allow_pickle: found "perhaps" in PENSTOCK_ALLOW_PICKLE, expected true or false',
        "data_root: found a number, expected a text in quotes",
        "lineage: PENSTOCK_LINEAGE",
        "roots: PENSTOCK_ROOTS",
    ]
    assert "s3cret" not in str(caught.value)
    found = readable_settings(folder)
    assert found is not None
    assert (found.project, found.values.definitions, found.values.roots) == ("other", ["p.py"], [])
    assert found.values.parameters == {"a": {"x": 1, "y": "2"}}


def test_secrets_are_never_shown(folder: Path) -> None:
    """Passwords in URLs, keys of stores, headers of destinations: masked, while what is set stays usable."""
    write(
        folder,
        'database = "postgresql+psycopg://me:s3cret@db/kb"\n'
        'data_root = "s3://key:s3cret@bucket/data/"\n'
        'roots = ["https://me:s3cret@host/x?sig=s3cret"]\n'
        '[storage_options.s3]\nkey = "s3cret"\nsecret = "s3cret"\n'
        '[lineage.web]\ntype = "http"\nurl = "https://me:s3cret@host/lineage?token=s3cret"\n'
        'headers = { Authorization = "Bearer s3cret" }\n',
    )
    found = read_settings(folder)
    assert "s3cret" not in str(found.shown())
    assert "s3cret" not in str(found.masked())
    assert "db/kb" in found.shown()["database"]
    assert "endpoint_url" not in found.shown()["storage_options"]
    assert "Authorization" in found.shown()["lineage"]
    web = found.destinations["web"]
    assert isinstance(web, HttpDestination)
    assert "s3cret" in web.url
    assert found.database_url == "postgresql+psycopg://me:s3cret@db/kb"
    assert found.data_root == "s3://key:s3cret@bucket/data"


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ("sqlite", "sqlite:///{folder}/.penstock/penstock.db"),
        ("store.db", "sqlite:///{folder}/store.db"),
        ("/var/kb.db", "sqlite:////var/kb.db"),
        ("sqlite:////var/kb.db", "sqlite:////var/kb.db"),
        ("postgresql+psycopg://db/kb", "postgresql+psycopg://db/kb"),
    ],
)
def test_a_database_is_a_word_a_path_or_a_url(folder: Path, database: str, url: str) -> None:
    """A relative path lies beside the settings file."""
    assert read_settings(folder, database=database).database_url == url.format(folder=folder)


def test_paths_are_absolute_and_at_home(folder: Path) -> None:
    """`~` is the user's home; a data root that is a URL stays one, without the slash at its end."""
    found = read_settings(
        folder, home="~/.penstock", data_root="~/data", lineage={"f": {"type": "file", "path": "l.ndjson"}}
    )
    assert found.home == Path.home() / ".penstock"
    assert found.data_root == str(Path.home() / "data")
    assert found.destinations == {"f": FileDestination(path=str(folder / "l.ndjson"))}
    assert read_settings(folder, data_root="s3://bucket/kb/").data_root == "s3://bucket/kb"
    assert read_settings(folder, lineage={}).destinations == {}


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("PENSTOCK_DATAROOT", "PENSTOCK_DATA_ROOT"),
        ("penstock_databse", "PENSTOCK_DATABASE"),
        ("PENSTOCK_HOME__X", "PENSTOCK_HOME"),
        ("PENSTOCK_LINAGE__MARQUEZ__URL", "PENSTOCK_LINEAGE__MARQUEZ__URL"),
        ("PENSTOCK_SHOES", ""),
    ],
)
def test_a_variable_that_sets_nothing_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, near: str
) -> None:
    """It is no fault, for it may be somebody else's; the nearest setting is named."""
    monkeypatch.setenv(variable, "x")
    assert read_settings(folder).unknown == {variable: near}


def test_variables_that_mean_something_are_none_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings in any case, nested ones, and what the settings themselves name."""
    write(folder, '[lineage.m]\ntype = "http"\nurl = "http://h"\napi_key_env = "PENSTOCK_MARQUEZ_KEY"\n')
    monkeypatch.setenv("PENSTOCK_MARQUEZ_KEY", "secret")
    monkeypatch.setenv("penstock_home", "here")
    monkeypatch.setenv("PENSTOCK_PARAMETERS__BEST__TOP", "3")
    monkeypatch.setenv("PENSTOCK_LINEAGE__M__TIMEOUT", "3")
    monkeypatch.setenv("PENSTOCK_APP__PORT", "4999")
    monkeypatch.setenv("PENSTOCK_APP__ALLOW", '["@example.org"]')
    assert read_settings(folder).unknown == {}


def test_each_part_of_a_table_came_from_where_it_was_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest variable wins over one that holds a table, that over the file; what nobody gave is a default."""
    file = write(folder, '[app]\nhost = "127.0.0.2"\nport = 1\nallow = []\n[policies]\nretries = 2\n')
    monkeypatch.setenv("PENSTOCK_APP", '{"port": 2, "allow": ["@b.org"]}')
    monkeypatch.setenv("PENSTOCK_APP__PORT", "3")
    found = read_settings(folder, lineage={"f": {"type": "file", "path": "l"}})
    assert found.values.app == AppSettings(host="127.0.0.2", port=3, allow=["@b.org"])
    expected = {
        "app.host": str(file),
        "app.port": "PENSTOCK_APP__PORT",
        "app.allow": "PENSTOCK_APP",
        "policies.retries.max_attempts": str(file),
        "policies.timeout": "default",
        "home": "default",
        "lineage.f.path": "call",
    }
    assert {part: found.origin_of(part) for part in expected} == expected


def test_a_pool_has_at_least_one_slot(folder: Path) -> None:
    """A whole number of them; everything else is told with what is expected."""
    write(folder, "[pools]\nembedding = 4\n")
    assert read_settings(folder).values.pools == {"embedding": 4}
    write(folder, '[pools]\na = 0\nb = "many"\nc = 1.5\n')
    with pytest.raises(SettingsFault) as caught:
        read_settings(folder)
    assert sorted(line.strip() for line in caught.value.message.splitlines()[1:]) == [
        "pools.a: found 0, expected at least 1",
        'pools.b: found "many", expected a whole number',
        "pools.c: found 1.5, expected a whole number",
    ]
