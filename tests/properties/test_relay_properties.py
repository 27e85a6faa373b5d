"""When the relay comes back to a destination, for every answer it may get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from penstock.lineage.couriers import next_try
from penstock.lineage.transports import Outcome, judged, wait_of

NOW = datetime(2026, 1, 5, tzinfo=UTC)
unit = st.floats(min_value=0, max_value=1)
attempts = st.integers(min_value=0, max_value=10**9)


@given(attempts=attempts, jitter=unit)
def test_the_delay_is_bounded(attempts: int, jitter: float) -> None:
    """Never sooner than half a second, never later than ten minutes, however often it failed."""
    delay = next_try(attempts, NOW, jitter=jitter) - NOW
    assert timedelta(seconds=0.5) <= delay <= timedelta(minutes=10)


@given(attempts=attempts, jitter=unit, longer=st.integers(min_value=0, max_value=100), more=unit)
def test_the_delay_never_shrinks(attempts: int, jitter: float, longer: int, more: float) -> None:
    """More failures, or more jitter, never bring the next try forward; with the same jitter it grows up to its cap."""
    sooner = next_try(attempts, NOW, jitter=min(jitter, more))
    assert next_try(attempts + longer, NOW, jitter=max(jitter, more)) >= sooner
    assert next_try(attempts, NOW, jitter=1.0) - NOW <= 2 * (next_try(attempts, NOW, jitter=0.0) - NOW)


@given(status=st.integers(min_value=100, max_value=599), after=st.none() | st.text(), answer=st.text())
def test_every_answer_means_something(status: int, after: str | None, answer: str) -> None:
    """2xx alone delivers; only what says that the event is bad buries it; a reason is given in one short line."""
    receipt = judged(status, retry_after=after, answer=answer, url="http://host/x", now=NOW)
    assert (receipt.outcome is Outcome.DELIVERED) == (200 <= status < 300)
    if receipt.outcome is Outcome.REFUSED:
        assert 400 <= status < 500
        assert status not in {401, 403, 404, 407, 408, 409, 425, 429}
    if receipt.outcome is not Outcome.DELIVERED:
        assert str(status) in receipt.error
        assert len(receipt.error.splitlines()) == 1
        assert len(receipt.error) < 400


@given(seconds=st.integers(min_value=0, max_value=10**30))
def test_a_wait_in_seconds_is_at_most_a_day(seconds: int) -> None:
    """A number of seconds is taken as it is, up to a day: no answer can silence a destination for ever."""
    assert wait_of(str(seconds), NOW) == timedelta(seconds=min(seconds, 86400))


@given(wait=st.integers(min_value=-(10**6), max_value=10**6))
def test_a_wait_until_a_date_counts_from_now(wait: int) -> None:
    """A date of the past means at once, one that is far away a day."""
    header = format_datetime(NOW + timedelta(seconds=wait), usegmt=True)
    assert wait_of(header, NOW) == timedelta(seconds=min(max(wait, 0), 86400))


@given(text=st.text() | st.just("9" * 5000) | st.just("Thu, 01 Jan 99999 00:00:00 GMT"))
def test_a_wait_that_nobody_understands_is_none(text: str) -> None:
    """Whatever a server writes there, nothing raises."""
    wait = wait_of(text, NOW)
    assert wait is None or timedelta() <= wait <= timedelta(days=1)
