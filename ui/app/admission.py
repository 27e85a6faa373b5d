"""Who may see the app, as the project says it. Loads no Streamlit.

The login is Streamlit's, by OpenID Connect: the table `[auth]` of `.streamlit/secrets.toml` in the project's folder
names the provider. `[app] allow` in `penstock.toml` says whom of those that it knows: addresses, and domains as
`@example.com`; without it everybody who can log in there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ...storage.errors import SettingsFault

SECRETS = Path(".streamlit") / "secrets.toml"
_OF_APP = ("redirect_uri", "cookie_secret")
_OF_PROVIDER = ("client_id", "client_secret", "server_metadata_url")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_configured(folder: Path) -> bool:
    """Whether the project names a provider of logins.

    Raises
    ------
    SettingsFault: the file of secrets cannot be read, or what it says of logins is not all. What is in it is not said.
    """
    file = folder / SECRETS
    if not file.exists():
        return False
    try:
        auth: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")).get("auth") or {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFault(
            f"{file} cannot be read: {type(error).__name__}", hint="See that it is a TOML file with a table [auth]."
        ) from None
    if not auth:
        return False
    missing = _missing(auth if isinstance(auth, dict) else {})  # pyright: ignore[reportUnnecessaryIsInstance]  a file's
    if missing:
        raise SettingsFault(
            f"the table [auth] of {file} lacks {', '.join(missing)}", hint="docs/app.md shows a whole one."
        )
    return True


def _missing(auth: Mapping[str, Any]) -> tuple[str, ...]:
    """What Streamlit needs and is not there; what is of a provider may stand in a table of its own instead.

    >>> _missing({"redirect_uri": "https://a.b/oauth2callback", "cookie_secret": "…", "client_id": "…"})
    ('client_secret', 'server_metadata_url')
    """
    ways: list[Mapping[str, Any]] = [auth, *(one for one in auth.values() if isinstance(one, Mapping))]
    left = min((tuple(one for one in _OF_PROVIDER if not way.get(one)) for way in ways), key=len)
    return (*(one for one in _OF_APP if not auth.get(one)), *left)


def is_allowed(address: str | None, allow: Sequence[str]) -> bool:
    """Whether somebody with this mail address may come in.

    >>> is_allowed("ann@example.com", ["@example.com"]), is_allowed("eve@example.org", ["@example.com"])
    (True, False)
    """
    if not allow:
        return True
    known = (address or "").lower()
    return any(known == one.lower() or (one.startswith("@") and known.endswith(one.lower())) for one in allow)
