"""Whether and when a run is tried again, and which clock has run out: true of all policies, errors and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from penstock import RetryPolicy, Timeouts
from penstock.assets.plan.clocks import Course, overdue, runs_out_at
from penstock.assets.plan.retry import (
    LONGEST,
    Again,
    GivenUp,
    Tried,
    after_error,
    after_loss,
    after_prevention,
    first_match,
    pause,
)
from penstock.storage.types import FINAL_STATES, RunState

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
CLASSES = ["requests.exceptions.Timeout", "builtins.OSError", "builtins.Exception", "builtins.BaseException"]
lengths = st.timedeltas(timedelta(milliseconds=1), timedelta(days=400))
drawn = st.floats(0, 1, exclude_max=True)
names = st.lists(st.sampled_from([*CLASSES, "requests.Timeout", "Timeout", "builtins.KeyError"]), max_size=3)
policies = st.builds(
    RetryPolicy,
    st.integers(1, 6),
    delay=lengths,
    backoff=st.floats(1, 1e300),
    max_delay=lengths,
    jitter=st.floats(0, 1),
    on=names,
    never_on=names,
    max_lost=st.integers(1, 6),
)
seconds = st.floats(0, 1e7)
instants = st.timedeltas(timedelta(days=-9), timedelta(days=9)).map(lambda away: (NOW + away).isoformat())
errors = st.fixed_dictionaries({"classes": st.just(CLASSES)}, optional={"retry_after": seconds | instants})


def decided(policy: RetryPolicy, tried: Tried, error: dict[str, Any], **changed: Any) -> Again | GivenUp:
    """What follows an error at noon, where nothing else is said."""
    known = {"now": NOW, "since": NOW, "drawn": 0.0, "timeouts": Timeouts()}
    return after_error(policy, tried, error, **{**known, **changed})


@given(st.integers(1, 2999), st.integers(0, 99), st.integers(0, 99))
def test_what_the_machine_prevents_counts_in_no_budget(prevented: int, failed: int, lost: int) -> None:
    """Another try follows within half a minute, whatever else was tried; at last somebody has to look."""
    tried = Tried(failed=failed, lost=lost, prevented=prevented)
    after = after_prevention(tried, now=NOW, timeouts=Timeouts(), since=NOW)
    assert isinstance(after, Again)
    assert timedelta(seconds=1) <= after.at - NOW <= timedelta(seconds=30)
    assert isinstance(after_prevention(Tried(prevented=3000), now=NOW, timeouts=Timeouts(), since=NOW), GivenUp)


@given(policies, st.integers(1, 5000), drawn)
def test_a_pause_lies_between_what_jitter_leaves_of_it_and_the_whole(
    policy: RetryPolicy, failed: int, number: float
) -> None:
    """It never exceeds `max_delay`, whatever backoff makes of it, and never shrinks as failures go on."""
    whole = pause(policy, failed, 0.0)
    tick = timedelta(microseconds=1)
    assert min(policy.delay, policy.max_delay) - tick <= whole <= policy.max_delay
    assert pause(policy, failed + 1, 0.0) >= whole
    assert whole * (1 - policy.jitter) - tick <= pause(policy, failed, number) <= whole + tick


@given(policies, errors, drawn)
def test_there_are_never_more_tries_than_are_allowed(policy: RetryPolicy, error: dict[str, Any], number: float) -> None:
    """Errors are counted by themselves, however many workers were lost meanwhile; and the other way round."""
    moment, failed = NOW, 0
    while True:
        failed += 1
        found = decided(policy, Tried(failed=failed, lost=failed * 7), error, now=moment, drawn=number)
        if isinstance(found, GivenUp):
            break
        assert found.at >= moment
        assert (found.number, found.of) == (failed + 1, policy.max_attempts)
        moment = found.at
    assert failed <= policy.max_attempts
    lost = 0
    while True:
        lost += 1
        after = after_loss(policy, Tried(failed=99, lost=lost), now=NOW, timeouts=Timeouts(), since=NOW)
        if isinstance(after, GivenUp):
            break
        assert after.at == NOW
    assert lost == policy.max_lost


@given(policies, errors)
def test_never_on_wins_and_on_restricts(policy: RetryPolicy, error: dict[str, Any]) -> None:
    """What is in both is not tried again; what is in neither is not where `on` says something."""
    found = decided(policy, Tried(failed=1), error)
    never, only = first_match(policy.never_on, CLASSES), first_match(policy.on, CLASSES)
    if never is not None or (policy.on and only is None) or policy.max_attempts == 1:
        assert isinstance(found, GivenUp)
    elif "retry_after" not in error:
        assert isinstance(found, Again)


@given(policies, seconds | instants)
def test_retry_after_is_never_shortened(policy: RetryPolicy, said: float | str) -> None:
    """Not by `max_delay` either: it is waited for in full or, where it is longer than a day, not at all."""
    asked = NOW + timedelta(seconds=said) if isinstance(said, float) else datetime.fromisoformat(str(said))
    found = decided(RetryPolicy(2, delay=policy.delay), Tried(failed=1), {"retry_after": said})
    if isinstance(found, Again):
        assert found.at >= asked
        assert asked - NOW <= LONGEST
    else:
        assert asked - NOW > LONGEST
        assert "Retry-After" in found.why


@given(policies, errors, lengths)
def test_nothing_begins_after_the_time_that_a_run_may_take_in_all(
    policy: RetryPolicy, error: dict[str, Any], total: timedelta
) -> None:
    """Another try is planned within it or not at all."""
    found = decided(policy, Tried(failed=1), error, timeouts=Timeouts(total=total), since=NOW - timedelta(hours=1))
    assert isinstance(found, GivenUp) or found.at < NOW - timedelta(hours=1) + total


def test_what_lies_behind_the_end_of_the_calendar_is_never() -> None:
    """Pauses and clocks of thousands of years are as good as none."""
    ages = timedelta(days=999_999_999)
    found = decided(RetryPolicy(2, delay=ages, max_delay=ages), Tried(failed=1), {})
    assert isinstance(found, Again)
    assert found.at.year == 9999
    assert overdue(Timeouts(total=ages), Course(state=RunState.QUEUED, planned_at=NOW), NOW) is None


def test_an_input_that_moved_is_not_tried_again() -> None:
    """The same pins cannot be read by another try."""
    assert decided(RetryPolicy(5), Tried(failed=1), {"uri": "docs.csv", "classes": []}) == GivenUp()


clocks = st.builds(Timeouts, queue=st.none() | lengths, run=st.none() | lengths, total=st.none() | lengths)
ago = st.timedeltas(timedelta(0), timedelta(days=300)).map(lambda away: NOW - away)
courses = st.builds(
    Course,
    state=st.sampled_from(RunState),
    planned_at=ago,
    retry_at=st.none() | ago,
    started_at=st.none() | ago,
)


@given(clocks, courses)
def test_a_clock_has_run_out_exactly_from_the_moment_that_was_foretold(timeouts: Timeouts, course: Course) -> None:
    """Before it nothing is overdue, from it on that clock is; what has ended has no clocks."""
    at = runs_out_at(timeouts, course)
    found = overdue(timeouts, course, NOW)
    assert (found is not None) == (at is not None and at <= NOW)
    if at is not None:
        assert overdue(timeouts, course, at - timedelta(microseconds=1)) is None
        first = overdue(timeouts, course, at)
        assert first is not None
        assert first.since == at
    if course.state in FINAL_STATES:
        assert at is None


@given(courses, lengths)
def test_each_clock_runs_where_it_is_about(course: Course, length: timedelta) -> None:
    """That of the queue before a worker has the run, that of the try while one has it, and never both."""
    waits = runs_out_at(Timeouts(queue=length), course) is not None
    runs = runs_out_at(Timeouts(run=length), course) is not None
    assert not (waits and runs)
    assert waits == (course.state in {RunState.SCHEDULED, RunState.QUEUED, RunState.UP_FOR_RETRY})
    assert runs == (course.state is RunState.RUNNING and course.started_at is not None)


@given(ago, lengths)
def test_a_pause_is_no_time_in_the_queue(planned: datetime, length: timedelta) -> None:
    """A run that waits to be tried again is in the queue from the moment that it is due."""
    due = NOW - timedelta(minutes=1)
    assume(planned <= due)
    course = Course(state=RunState.UP_FOR_RETRY, planned_at=planned, retry_at=due)
    assert runs_out_at(Timeouts(queue=length), course) == due + length
