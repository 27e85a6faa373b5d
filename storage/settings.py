"""Settings: from the environment (`PENSTOCK_…`), then `penstock.toml` or `[tool.penstock]`, then the defaults.

Loaded only by what opens a project; nothing pure reads it. Passwords in it are never shown: see `Settings.shown`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from .defaults import ProjectPolicies
from .errors import SettingsFault
from .misset import NO_JSON, nearest, sentences
from .notifications import NotificationDestination
from .origins import CALL, DEFAULT, origin, origins_of
from .uri import redacted

PREFIX = "PENSTOCK_"


class FileDestination(BaseModel):
    """Lineage events appended to a file, one JSON object a line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["file"] = "file"
    path: str


class HttpDestination(BaseModel):
    """Lineage events sent to an OpenLineage endpoint. `api_key_env` names the variable that holds the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["http"] = "http"
    url: str
    endpoint: str = "api/v1/lineage"
    api_key_env: str | None = None
    timeout: float = Field(default=5.0, gt=0, le=300)
    headers: dict[str, str] = Field(default_factory=dict)


class AppSettings(BaseModel):
    """Where the app is served, and who may see it: addresses of logins, and domains as `@example.com`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=4780, ge=0, le=65535)
    allow: list[str] = Field(default_factory=list)


_TABLES: Mapping[str, type[BaseModel]] = {"notifications": NotificationDestination}
_DESTINATIONS: Mapping[str, type[BaseModel]] = {"file": FileDestination, "http": HttpDestination}
Destination = Annotated[FileDestination | HttpDestination, Field(discriminator="type")]


class _Variables(EnvSettingsSource):
    """The variables. One that should hold JSON, and does not, is told with whatever else is wrong."""

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:
        """Its value; `NO_JSON`, which no setting takes, where it has none."""
        try:
            found = super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError:
            return NO_JSON
        return NO_JSON if value_is_complex and isinstance(found, str) else found


class Settings(BaseSettings):
    """What a project is set to.

    Attributes
    ----------
    project: namespace of names; by default the name of the project's folder.
    definitions: modules (`my_project.assets`) and files (`pipeline.py`) that declare assets.
    home: folder of the database and the lineage file.
    database: `sqlite` (a file in `home`), a path, or a database URL.
    data_root: where URIs without a scheme lie: a folder, or a URL such as `s3://bucket/prefix`.
    roots: folders and URL prefixes outside the data root under which versions of the datasets in them are kept; a
        dataset in none of them is kept beside itself.
    storage_options: fsspec options by scheme, e.g. `{"s3": {"endpoint_url": "…"}}`.
    lineage: destinations by name; by default one file in `home`. An empty table keeps events in the database only.
    notifications: who is told of failures and the like, by name.
    parameters: asset → run parameter → value, instead of the defaults in code.
    environment: installed distributions whose version counts as part of the code.
    allow_pickle: whether datasets may be pickles.
    secrets: folder in which secrets lie, a file each under its name; looked at where no variable has that name.
    pools: name of a pool → how many slots it has.
    policies: `retries` and `timeout` where neither an asset nor `defaults` says otherwise; `groups`: those of a group.
    logs: folder or URL under which the logs of attempts lie; by default `logs` in `home`.
    log_limit: bytes that the log of one attempt takes at most, e.g. 10485760: its beginning and its end are kept.
    log_days, log_total: `penstock clean` removes logs that are older, and the oldest while all have more bytes.
    app: `host` and `port` of the app, and whom it lets in after a login (`allow`).
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    project: str = ""
    definitions: list[str] = Field(default_factory=list)
    home: Path = Path(".penstock")
    database: str = "sqlite"
    data_root: str = "data"
    roots: list[str] = Field(default_factory=list)
    storage_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    lineage: dict[str, Destination] | None = None
    notifications: dict[str, NotificationDestination] = Field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    environment: list[str] = Field(default_factory=list)
    allow_pickle: bool = False
    secrets: Path = Path("/run/secrets")
    pools: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    policies: ProjectPolicies = Field(default_factory=ProjectPolicies)
    logs: str = ""
    log_limit: int = Field(default=10 * 1024 * 1024, ge=4096)
    log_days: int = Field(default=30, ge=1)
    log_total: int = Field(default=10 * 1024**3, ge=4096)
    app: AppSettings = Field(default_factory=AppSettings)

    @field_validator("project")
    @classmethod
    def _plain(cls, value: str) -> str:
        if value and not re.fullmatch(r"[\w.\- ]+", value):
            raise ValueError("letters, digits, '.', '-', '_' and spaces only")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `open_project` read from the file."""
        assert isinstance(env_settings, EnvSettingsSource)
        return _Variables(settings_cls, env_prefix=env_settings.env_prefix), init_settings


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """Settings with the folder they are relative to, and where each value came from.

    `origin` maps each key to `"default"`, a file, or an environment variable; of a table that has one of several, for
    `parts` maps what was given of it (`app.port`) likewise. `unknown` are the names of variables that look like
    settings and are none, each with the nearest that is one, or "".
    """

    folder: Path
    file: Path | None
    values: Settings
    origin: Mapping[str, str]
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def project(self) -> str:
        """The project's name."""
        return self.values.project or self.folder.name or "root"  # "/" has no name

    @cached_property
    def home(self) -> Path:
        """The home folder, absolute."""
        return (self.folder / self.values.home.expanduser()).absolute()

    @cached_property
    def secrets(self) -> Path:
        """The folder of secrets, absolute."""
        return (self.folder / self.values.secrets.expanduser()).absolute()

    @cached_property
    def database_url(self) -> str:
        """The database as a SQLAlchemy URL."""
        database = self.values.database
        if database == "sqlite":
            return f"sqlite:///{self.home / 'penstock.db'}"
        return database if "://" in database else f"sqlite:///{(self.folder / database).absolute()}"

    @cached_property
    def database_file(self) -> Path | None:
        """The file of the database; None where a server has it."""
        kind, _, path = self.database_url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    @cached_property
    def data_root(self) -> str:
        """The data root: an absolute folder or a URL, without a slash at its end."""
        root = self.values.data_root
        return root.rstrip("/") if "://" in root else str((self.folder / Path(root).expanduser()).absolute())

    @cached_property
    def logs(self) -> str:
        """Where logs lie: an absolute folder or a URL, without a slash at its end."""
        place = self.values.logs or str(self.home / "logs")
        return place.rstrip("/") if "://" in place else str((self.folder / Path(place).expanduser()).absolute())

    @cached_property
    def destinations(self) -> dict[str, FileDestination | HttpDestination]:
        """Where lineage goes, by name; paths are absolute."""
        wanted = self.values.lineage
        if wanted is None:
            wanted = {"file": FileDestination(path=str(self.home / "lineage.ndjson"))}
        return {
            name: FileDestination(path=str((self.folder / one.path).absolute()))
            if isinstance(one, FileDestination)
            else one
            for name, one in wanted.items()
        }

    def strangers(self, assets: Collection[str]) -> dict[str, str]:
        """Names under `parameters` that are none of these assets, each with the nearest that is one, or ""."""
        return {name: nearest(name, assets) for name in self.values.parameters if name not in assets}

    def origin_of(self, part: str) -> str:
        """Where a setting, or a part of one that is a table, came from: `app.port` → `"PENSTOCK_APP__PORT"`."""
        return origin(part, self.parts)

    def masked(self) -> dict[str, Any]:
        """Every key with its value as JSON-ready data, without secrets."""
        plain = self.values.model_dump(mode="json")
        plain.update(
            project=self.project, home=str(self.home), secrets=str(self.secrets), data_root=redacted(self.data_root)
        )
        plain.update(logs=redacted(self.logs))
        plain.update(database=redacted(self.database_url), roots=[redacted(root) for root in self.values.roots])
        plain["lineage"] = {name: _masked(one.model_dump()) for name, one in self.destinations.items()}
        for one in plain["notifications"].values():  # all of an address may be a secret
            one["url"] = None if one["url"] is None else "…"
        options = plain["storage_options"].items()
        plain["storage_options"] = {scheme: dict.fromkeys(keys, "…") for scheme, keys in options}
        return plain

    def shown(self) -> dict[str, str]:
        """Every key with its value as text, without secrets."""
        return {key: value if isinstance(value, str) else str(value) for key, value in self.masked().items()}


def _masked(destination: dict[str, Any]) -> dict[str, Any]:
    if "url" in destination:
        destination["url"] = redacted(destination["url"])
        destination["headers"] = dict.fromkeys(destination["headers"], "…")
    return destination


def read_settings(folder: Path | None = None, **overrides: Any) -> ProjectSettings:
    """The settings of the project in `folder`, or in the nearest folder above it that has settings.

    `overrides` win over everything (they are what a program passes in).

    Raises
    ------
    SettingsFault: a file cannot be parsed, a key is unknown or a value is of the wrong type; all faults together.
    """
    start = (folder or Path.cwd()).absolute()
    file, table = _nearest(start)
    try:
        values = Settings(**table)
        if overrides:
            values = values.model_copy(update=_checked(overrides))
    except ValidationError as error:
        lines = sentences(error.errors(), Settings.model_fields, _DESTINATIONS, _variables(), _TABLES)
        raise SettingsFault(
            "settings cannot be read:\n" + "\n".join(f"  {line}" for line in lines),
            hint=f"They come from {file or 'no file'} and from variables that begin with {PREFIX}.",
        ) from error
    return ProjectSettings(
        folder=file.parent if file else start,
        file=file,
        values=values,
        origin=_origins(file, table, overrides),
        parts=origins_of((str(file), table), os.environ, overrides, prefix=PREFIX),
        unknown=_unknown(values),
    )


def readable_settings(folder: Path | None = None) -> ProjectSettings | None:
    """Where `read_settings` raises: the settings without those that are wrong, for telling what else is. None where
    the file cannot be parsed, or names no definitions that can be read.

    Nothing must be done by them.
    """
    start = (folder or Path.cwd()).absolute()
    try:
        file, table = _nearest(start)
        values = _right(table)
    except SettingsFault:
        return None
    if not values.definitions:
        return None
    return ProjectSettings(
        folder=file.parent if file else start,
        file=file,
        values=values,
        origin=_origins(file, table, {}),
        parts=origins_of((str(file), table), os.environ, {}, prefix=PREFIX),
    )


def _right(table: Mapping[str, Any]) -> Settings:
    """What is right among these, and in the environment."""
    given = _merged(table, _Variables(Settings, env_prefix=PREFIX)())
    for _ in range(2):
        try:
            # A prefix that no variable has: they are among what is given.
            return Settings(_env_prefix=f"{PREFIX}NONE_", **given)  # pyright: ignore[reportCallIssue]
        except ValidationError as error:
            wrong = {fault["loc"][0] for fault in error.errors()}
            given = {key: value for key, value in given.items() if key not in wrong}
    return Settings.model_construct()


def _merged(table: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A table with what wins over it; tables in it are merged."""
    both = {key for key, value in over.items() if isinstance(value, Mapping) and isinstance(table.get(key), Mapping)}
    return {**table, **over, **{key: _merged(table[key], over[key]) for key in both}}


def _checked(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides, converted like any setting, whatever the environment says."""
    model = Settings.model_construct()
    validator = Settings.__pydantic_validator__
    return {key: getattr(validator.validate_assignment(model, key, value), key) for key, value in overrides.items()}


def _origins(file: Path | None, table: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, str]:
    variables = _variables()
    return {
        key: CALL if key in overrides else variables.get(key) or (str(file) if key in table else DEFAULT)
        for key in Settings.model_fields
    }


def _variables() -> dict[str, str]:
    """Setting → the variable of the environment that gives it, or a part of it."""
    found: dict[str, str] = {}
    for name in os.environ:
        key = name.upper().removeprefix(PREFIX).partition("__")[0].lower()
        if name.upper().startswith(PREFIX) and key in Settings.model_fields:
            found.setdefault(key, name)
    return found


_NESTED = frozenset(
    key.upper()
    for key, one in Settings.model_fields.items()
    if isinstance(one.get_default(call_default_factory=True), dict | BaseModel | None)
)
"""The tables: a variable may give a part of one."""


def _unknown(values: Settings) -> dict[str, str]:
    """Variables that begin like a setting and set nothing → the nearest that would; "" where none is near."""
    meant = {one.api_key_env for one in (values.lineage or {}).values() if isinstance(one, HttpDestination)}
    meant |= {one.url_env for one in values.notifications.values()}
    known = [key.upper() for key in Settings.model_fields]
    found: dict[str, str] = {}
    for name in sorted(os.environ):
        if not name.upper().startswith(PREFIX) or name in meant:
            continue
        first, nested, rest = name.upper().removeprefix(PREFIX).partition("__")
        if first not in known or (nested and first not in _NESTED):
            near = nearest(first, known)
            found[name] = near and PREFIX + near + (f"__{rest}" if rest and near in _NESTED else "")
    return found


def _nearest(start: Path) -> tuple[Path | None, dict[str, Any]]:
    for folder in (start, *start.parents):
        own = folder / "penstock.toml"
        if own.is_file():
            return own, _parsed(own)
        shared = folder / "pyproject.toml"
        if shared.is_file():
            table = _parsed(shared).get("tool", {}).get("penstock")
            if table is not None:
                return shared, table
    return None, {}


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsFault(f"{file} cannot be read: {error}", hint="Mend the file, then try again.") from error
