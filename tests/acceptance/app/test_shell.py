"""The shell of the app: when it costs something, and who may see it."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect

from penstock.storage.errors import SettingsFault, UsageError
from penstock.storage.settings import read_settings
from penstock.ui.app.door import Door, require_app

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

SMALL = """
from penstock import asset

@asset("one.json")
def one() -> list:
    "<script>alert(1)</script> **not bold** :smile: $x$ [link](javascript:alert(1))"
    return [1]
"""


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def small(tmp_path: Path, copied: Callable[[Path], App]) -> Iterator[App]:
    """A project of one asset; nothing is made, nothing is served yet."""
    app = copied(tmp_path / "small")
    (app.folder / "pipeline.py").write_text(SMALL)
    yield app
    app.stop()


def test_nothing_runs_until_somebody_opens_it(small: App, visit: Open) -> None:
    """`penstock ui` alone has no process of Streamlit; the first visit starts it, and it ends with the command."""
    small.penstock("materialize")
    small.start("ui", "--no-browser")
    assert small.process is not None
    served = psutil.Process(small.process.pid)
    assert [one for one in served.children(recursive=True) if "launch" in " ".join(one.cmdline())] == []
    seen = visit()
    page = seen.open(small.address)
    expect(page.get_by_text("1 asset")).to_be_visible()
    at_work = [one for one in served.children(recursive=True) if "penstock.ui.app.launch" in one.cmdline()]
    assert len(at_work) == 1
    small.stop()
    assert not at_work[0].is_running()


def test_markup_in_a_description_is_shown_as_it_is(small: App, visit: Open) -> None:
    """HTML, Markdown, LaTeX and emoji codes of a project are text."""
    small.penstock("materialize")
    small.start("ui", "--no-browser")
    seen = visit()
    page = seen.open(f"{small.address}/assets?asset=one")
    expect(
        page.get_by_text("<script>alert(1)</script> **not bold** :smile: $x$ [link](javascript:alert(1))")
    ).to_be_visible()
    page.wait_for_timeout(500)
    seen.look("asset-markup")


def test_what_is_asked_for_is_said_before_it_is_recorded(small: App, visit: Open) -> None:
    """While another has the database to itself; then it is asked for, and the popover is closed."""
    small.penstock("materialize")
    small.start("ui", "--no-browser")
    page = visit().open(f"{small.address}/assets?asset=one")
    page.get_by_role("button", name="Pause").click()
    other = sqlite3.connect(small.folder / ".penstock" / "penstock.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("Pause is asked for")).to_be_visible(timeout=2000)
    assert page.get_by_text("Pause waits").count() == 0
    other.rollback()
    other.close()
    expect(page.get_by_text("Pause waits: nobody is at work.")).to_be_visible()
    expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()


def test_an_open_page_goes_on_when_the_app_is_killed(small: App, visit: Open) -> None:
    """The door starts it again for the page that is open, which then shows what is new; nobody touches it. When the
    command is killed too the page says so, and goes on once that is back."""
    settings = small.folder / "penstock.toml"
    settings.write_text(settings.read_text().replace("port = 0", f"port = {free_port()}"))
    small.penstock("materialize")
    small.start("ui", "--no-browser")
    page = visit().open(f"{small.address}/runs?asset=one")
    expect(page.get_by_text("1 run ")).to_be_visible()
    assert small.process is not None
    (app,) = [one for one in psutil.Process(small.process.pid).children() if "penstock.ui.app.launch" in one.cmdline()]
    app.kill()
    small.penstock("materialize", "--force")
    expect(page.get_by_text("2 runs ")).to_be_visible()
    said = small.output.read_text()
    assert "the app ended (exit code -9); it is started again when it is opened" in said
    assert "WARNING" not in said
    small.process.kill()
    small.process.wait()
    expect(page.get_by_role("alert")).to_contain_text(f"penstock ui`, in {small.folder}. This page goes on by itself.")
    page.get_by_text("Are you connected to the internet").wait_for(state="attached")
    expect(page.get_by_text("Are you connected to the internet")).to_be_hidden()
    small.penstock("materialize", "--force")
    small.start("ui", "--no-browser")
    expect(page.get_by_text("3 runs ")).to_be_visible()
    expect(page.get_by_text("This page goes on by itself.")).to_be_hidden()
    assert page.url == f"{small.address}/runs?asset=one"


def test_off_loopback_it_needs_a_login(tmp_path: Path) -> None:
    """An address that can be reached from elsewhere is refused until `[auth]` is there."""
    (tmp_path / "penstock.toml").write_text('project = "shut"\n')
    settings = read_settings(tmp_path)
    with pytest.raises(UsageError, match="no login is configured"):
        require_app(settings, "0.0.0.0")
    require_app(settings, "127.0.0.1")
    (tmp_path / ".streamlit").mkdir()
    secrets, half = (
        tmp_path / ".streamlit" / "secrets.toml",
        '[auth]\nclient_id = "x"\nredirect_uri = "https://a.b/c"\n',
    )
    secrets.write_text(half)
    with pytest.raises(SettingsFault, match="lacks cookie_secret, client_secret, server_metadata_url"):
        require_app(settings, "0.0.0.0")
    secrets.write_text(f'{half}cookie_secret = "x"\nclient_secret = "x"\nserver_metadata_url = "https://a.b/d"\n')
    require_app(settings, "0.0.0.0")


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """The fault names the address and where to write another port."""
    (tmp_path / "penstock.toml").write_text('project = "shut"\n')
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Exception, match="cannot listen") as fault:
        Door(read_settings(tmp_path), host="127.0.0.1", port=taken.getsockname()[1], tell=print)
    assert "[app]" in getattr(fault.value, "hint", "")


def test_up_works_where_the_app_cannot_be_served(small: App) -> None:
    """A port in use is told, and everything else is at work."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = (small.folder / "penstock.toml").read_text()
        (small.folder / "penstock.toml").write_text(text.replace("port = 0", f"port = {taken.getsockname()[1]}"))
        small.start_without_app()
        said = small.output.read_text()
    assert "the app is not served" in said
    assert "  ready in " in said


@pytest.fixture
def provider() -> Iterator[str]:
    """An OpenID provider, in a process of its own, that knows two people; its address."""
    port = free_port()
    claims = [json.dumps({"sub": one, "email": one}) for one in ("ann@example.com", "eve@example.org")]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for one in claims:
        command += ["--user-claims", one]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}"
        process.kill()


def test_a_login_is_asked_for_and_not_everybody_may_see(small: App, visit: Open, provider: str) -> None:
    """Who is not logged in sees the login alone; who is logged in and not allowed is told; who is allowed sees it."""
    small.penstock("materialize")
    port = free_port()
    text = (small.folder / "penstock.toml").read_text()
    (small.folder / "penstock.toml").write_text(text.replace("port = 0", f'port = {port}\nallow = ["@example.com"]'))
    (small.folder / ".streamlit").mkdir()
    (small.folder / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"s" * 40}"\n'
        f'client_id = "penstock"\nclient_secret = "told"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    small.start("ui", "--no-browser")
    seen = visit()
    page = seen.open(f"{small.address}/assets?asset=one")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.get_by_text("Materialize").count() == 0
    seen.look("login")
    for who, shown in (("eve@example.org", "may not see"), ("ann@example.com", "Logged in as")):
        other = visit()
        page = other.open(small.address)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(re.compile(re.escape(provider)))
        page.get_by_role("button", name=who).click()
        expect(page.get_by_text(shown).first).to_be_visible()
        other.look(f"login-{who.split('@')[0]}")
