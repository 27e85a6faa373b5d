"""Who may see the app, as the project says it. Loads no Streamlit.

The login is Streamlit's, by OpenID Connect: the table `[auth]` of `.streamlit/secrets.toml` in the project's folder
names the provider. `[app] allow` in `penstock.toml` says whom of those that it knows: addresses, and domains as
`@example.com`; without it everybody who can log in there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from ...storage.errors import SettingsFault

SECRETS = Path(".streamlit") / "secrets.toml"


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
    SettingsFault: the file of secrets cannot be read. What is in it is not said.
    """
    file = folder / SECRETS
    if not file.exists():
        return False
    try:
        return bool(tomllib.loads(file.read_text(encoding="utf-8")).get("auth"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFault(
            f"{file} cannot be read: {type(error).__name__}", hint="See that it is a TOML file with a table [auth]."
        ) from None


def is_allowed(address: str | None, allow: Sequence[str]) -> bool:
    """Whether somebody with this mail address may come in.

    >>> is_allowed("ann@example.com", ["@example.com"]), is_allowed("eve@example.org", ["@example.com"])
    (True, False)
    """
    if not allow:
        return True
    known = (address or "").lower()
    return any(known == one.lower() or (one.startswith("@") and known.endswith(one.lower())) for one in allow)
