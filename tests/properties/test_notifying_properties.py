"""Who is told, and when: whatever happens, never too often, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.notifying import Happening, Next, Rate, Subject, Told, next_message
from penstock.storage.types import NotificationKind

BEFORE = datetime.min.replace(tzinfo=UTC)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = st.sampled_from(list(NotificationKind))
TURNS = st.sampled_from([Subject(kind, "a") for kind in (NotificationKind.FAILED, NotificationKind.RECOVERED)])
SUBJECTS = TURNS | st.builds(Subject, KINDS, st.sampled_from("ab"), st.sampled_from(["", "ValueError"]))
STORIES = st.lists(st.tuples(st.integers(0, 4000), SUBJECTS), max_size=60)
RATES = st.builds(
    Rate, count=st.integers(1, 6), per=st.sampled_from([timedelta(seconds=30), timedelta(hours=1), timedelta(days=1)])
)
REPEATS = st.sampled_from([timedelta(), timedelta(minutes=5), timedelta(hours=6)])


@dataclass
class Inbox:
    """A destination that takes everything at once: what it got, and when."""

    rate: Rate
    repeat: timedelta
    messages: list[tuple[datetime, tuple[tuple[int, ...], ...]]] = field(default_factory=list)
    waiting: list[Happening] = field(default_factory=list)
    subjects: dict[int, Subject] = field(default_factory=dict)

    def told(self) -> Told:
        """What it was told already."""
        last: dict[Subject, datetime] = {}
        for at, groups in self.messages:
            last |= {self.subjects[one]: at for group in groups for one in group}
        return Told(sent=[at for at, _ in self.messages], last=last)

    def read(self, now: datetime) -> Next:
        """Every message that is due now; what is left."""
        while True:
            found = next_message(self.waiting, self.told(), at_most=self.rate, repeat=self.repeat, now=now)
            if not found.groups:
                return found
            self.messages.append((now, found.groups))
            taken = {one for group in found.groups for one in group}
            self.waiting = [one for one in self.waiting if one.id not in taken]

    def hear(self, story: Sequence[tuple[int, Subject]]) -> None:
        """What happens, each so many seconds after the one before, then everything that still waits."""
        now = BEGIN
        for number, (after, subject) in enumerate(story):
            until = now + timedelta(seconds=after)
            while (left := self.read(now)).at is not None and left.at <= until:
                now = left.at
            now = until
            self.subjects[number] = subject
            self.waiting.append(Happening(id=number, subject=subject))
        while (left := self.read(now)).at is not None:
            assert left.at > now, "waiting makes it due"
            now = left.at


@given(STORIES, RATES, REPEATS)
def test_nothing_is_lost_and_nothing_is_told_twice(
    story: list[tuple[int, Subject]], rate: Rate, repeat: timedelta
) -> None:
    """In the end each happening is part of exactly one message."""
    inbox = Inbox(rate, repeat)
    inbox.hear(story)
    told = [one for _, groups in inbox.messages for group in groups for one in group]
    assert sorted(told) == list(range(len(story)))


@given(STORIES, RATES, REPEATS)
def test_in_no_stretch_of_time_there_are_more_messages_than_allowed(
    story: list[tuple[int, Subject]], rate: Rate, repeat: timedelta
) -> None:
    """Whichever stretch of that length one looks at."""
    inbox = Inbox(rate, repeat)
    inbox.hear(story)
    times = [at for at, _ in inbox.messages]
    for place, at in enumerate(times):
        within = [one for one in times[place:] if one < at + rate.per]
        assert len(within) <= rate.count, within


@given(STORIES, RATES, REPEATS)
def test_the_same_failure_is_not_told_as_news_within_its_repeat(
    story: list[tuple[int, Subject]], rate: Rate, repeat: timedelta
) -> None:
    """Two messages about the same failure alone are `repeat` apart, unless it was over in between."""
    inbox = Inbox(rate, repeat)
    inbox.hear(story)
    last: dict[Subject, datetime] = {}
    over: dict[str, datetime] = {}
    for at, groups in inbox.messages:
        kinds = [{inbox.subjects[one] for one in group} for group in groups]
        if len(groups) == 1 and len(kinds[0]) == 1:
            (subject,) = kinds[0]
            if subject.kind is NotificationKind.FAILED and subject in last:
                assert at - last[subject] >= repeat or over.get(subject.asset, BEFORE) >= last[subject]
        heard = {one for some in kinds for one in some}
        last |= dict.fromkeys(heard, at)
        over |= {one.asset: at for one in heard if one.kind is NotificationKind.RECOVERED}


@given(STORIES, REPEATS)
def test_what_is_told_last_of_an_asset_is_how_it_stands(story: list[tuple[int, Subject]], repeat: timedelta) -> None:
    """No message tells a recovery, or a pause, together with what happened after it as if that were over."""
    inbox = Inbox(Rate(count=1000, per=timedelta(seconds=1)), repeat)
    inbox.hear(story)
    for _, (group,) in inbox.messages:
        kinds = [inbox.subjects[one].kind for one in group]
        if {NotificationKind.RECOVERED, NotificationKind.PAUSED} & {*kinds}:
            assert kinds[-1] in (NotificationKind.RECOVERED, NotificationKind.PAUSED)


def test_beyond_the_limit_there_is_one_message_of_all_that_is_left() -> None:
    """Of a hundred different failures at once, with three an hour, two are told alone and the third message is of
    ninety-eight."""
    inbox = Inbox(Rate(count=3, per=timedelta(hours=1)), timedelta(hours=6))
    for one in range(100):
        inbox.subjects[one] = Subject(NotificationKind.FAILED, f"asset_{one}", "ValueError")
        inbox.waiting.append(Happening(id=one, subject=inbox.subjects[one]))
    assert inbox.read(BEGIN) == Next()
    assert [len(groups) for _, groups in inbox.messages] == [1, 1, 98]


def test_failures_in_between_are_counted_when_they_are_told_again() -> None:
    """Ten failures in ten hours, told again after six: the first alone, then those up to six o'clock, then the rest."""
    inbox = Inbox(Rate(count=100, per=timedelta(hours=1)), timedelta(hours=6))
    failed = Subject(NotificationKind.FAILED, "chunks", "ValueError")
    inbox.hear([(0, failed), *[(3600, failed)] * 9])
    assert [(at - BEGIN, len(groups[0])) for at, groups in inbox.messages] == [
        (timedelta(), 1),
        (timedelta(hours=6), 5),
        (timedelta(hours=12), 4),
    ]


def test_a_recovery_is_told_at_once_with_the_failures_that_were_counted() -> None:
    """Failed, failed, recovered, failed: each turn of it is told."""
    inbox = Inbox(Rate(count=100, per=timedelta(hours=1)), timedelta(hours=6))
    failed, recovered = (Subject(kind, "chunks") for kind in (NotificationKind.FAILED, NotificationKind.RECOVERED))
    inbox.hear([(0, failed), (60, failed), (60, recovered), (60, failed)])
    minutes = [((at - BEGIN) / timedelta(minutes=1), groups) for at, groups in inbox.messages]
    assert minutes == [(0, ((0,),)), (2, ((1, 2),)), (3, ((3,),))]
