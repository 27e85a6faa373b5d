"""Bytes, rows, times and digests as people read them. Pure: the zone is the only thing taken from the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: int | None) -> str:
    """A number of bytes in binary units with three digits; "" for None.

    >>> size(512), size(1536), size(34_567_890)
    ('512 B', '1.50 KiB', '33.0 MiB')
    """
    if count is None:
        return ""
    if count < 1024:
        return f"{count} B"
    value, unit = count / 1024, 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:  # 1023.5 would be shown as 1024: it belongs to the next unit
        value, unit = value / 1024, unit + 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def count(number: int | None) -> str:
    """A number with thousands set off; "" for None.

    >>> count(6034)
    '6,034'
    """
    return "" if number is None else f"{number:,}"


def several(number: int, thing: str, things: str = "") -> str:
    """A number of things.

    >>> several(1, "asset"), several(2, "asset"), several(0, "entry", "entries")
    ('1 asset', '2 assets', '0 entries')
    """
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def listed(names: Sequence[str]) -> str:
    """Names in a line, at most six of them.

    >>> listed(["a", "b"]), listed(list("abcdefgh"))
    ('a, b', 'a, b, c, d, e, f and 2 more')
    """
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """URI → what to call the dataset: its name, and before it as many folders as tell it from others of that name.

    >>> told_apart({"raw/de/docs.csv": "docs", "raw/en/docs.csv": "docs", "raw/en/labels.csv": "labels"})
    {'raw/de/docs.csv': 'de/docs', 'raw/en/docs.csv': 'en/docs', 'raw/en/labels.csv': 'labels'}
    >>> told_apart({"docs.csv": "docs", "docs.json": "docs"})
    {'docs.csv': 'docs.csv', 'docs.json': 'docs.json'}
    """
    several: dict[str, list[str]] = {}
    for uri, name in names.items():
        several.setdefault(name, []).append(uri)
    return {uri: shown for name, uris in several.items() for uri, shown in _told_apart(name, uris).items()}


def _told_apart(name: str, uris: Sequence[str]) -> dict[str, str]:
    folders = {uri: uri.split("/")[:-1] for uri in uris}
    for many in range(max(map(len, folders.values())) + 1):
        shown = {uri: "/".join([*above[len(above) - many :], name]) for uri, above in folders.items()}
        if len(set(shown.values())) == len(uris):
            return shown
    return {uri: uri for uri in uris}


def duration(length: timedelta | float | None) -> str:
    """A length of time (a number is seconds); "" for None.

    >>> duration(0.0123), duration(83), duration(timedelta(hours=2, minutes=3))
    ('0.01 s', '1 min 23 s', '2 h 03 min')
    """
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def moment(time: datetime | None, *, now: datetime | None = None) -> str:
    """A time in the zone of this machine, short enough for a column: `05 Jan 11:00`, in another year `05 Jan 2025`."""
    if time is None:
        return ""
    local = time.astimezone()
    this_year = (now or datetime.now().astimezone()).astimezone().year
    return f"{local:%d %b %H:%M}" if local.year == this_year else f"{local:%d %b %Y}"


def instant(time: datetime | None) -> str:
    """A time in the zone of this machine, to the second and with the zone: `2026-01-05 11:00:03 CET`."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def short(digest: str | None) -> str:
    """The beginning of a digest: enough to tell versions apart and to name one."""
    return "" if digest is None else digest[:8]


def short_commit(commit: str | None, *, digits: int = 12) -> str:
    """The beginning of a commit, and whether it is not the code as it ran.

    >>> short_commit("83626b25" * 5), short_commit("83626b25" * 5 + "-dirty", digits=8), short_commit(None)
    ('83626b258362', '83626b25-dirty', '')
    """
    number, mark, _ = (commit or "").partition("-")
    return f"{number[:digits]}{'-dirty' if mark else ''}"


def called(digest: str | None, token: str | None) -> str:
    """What a version is called: as those name it who write it, where they do, else the beginning of its digest.

    >>> called("6f5d4b8f" * 8, "v9"), called("6f5d4b8f" * 8, None), called(None, None)
    ('v9', '6f5d4b8f', '')
    """
    return token or short(digest)


def short_id(run_id: str | None) -> str:
    """The end of a run's id, which is random; its beginning is the time, the same for all runs of a minute."""
    return "" if run_id is None else run_id[-8:]


def advance(done: float, total: float | None, unit: str, text: str) -> str:
    """How far something is: what is done, of how much, and what it does.

    >>> advance(3, 10, "pages", "fetching"), advance(2.5, None, "", "")
    ('3 of 10 pages (30 %), fetching', '2.5')
    """
    amount = _amount(done) if total is None else f"{_amount(done)} of {_amount(total)}"
    amount = f"{amount} {unit}".rstrip()
    if total is not None and total > 0:
        amount += f" ({100 * done / total:.0f} %)"
    return f"{amount}, {text}" if text else amount


def _amount(number: float) -> str:
    """A number as people write it: whole where it is whole."""
    return f"{int(number):,}" if float(number).is_integer() else f"{number:,.4g}"
