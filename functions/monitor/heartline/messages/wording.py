"""The words for one target's readers: in their language, with the times of their place beside UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.i18n.language import Language, language
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Target

_MAX_ENGLISH = 500
_WRONG_PASSWORD = "28P01"  # noqa: S105 - an SQLSTATE, PostgreSQL documentation, appendix A


@frozen
class Wording:
    """Put values of the model into words of a language, and times into a time zone."""

    language: Language
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, target: Target) -> Wording:
        """Return the wording for a target's readers."""
        return cls(language(target.language), target.time_zone)

    def text(self, key: str, /, **words: object) -> str:
        """Return a text with the words in its placeholders."""
        return self.language.text(key, **words)

    def length(self, span: timedelta) -> str:
        """Return a duration in words."""
        return self.language.length(span)

    def state(self, label: str) -> str:
        """Return a state as the bracket of a subject begins with it."""
        return self.text(f"state.{label.lower().replace(' ', '-')}")

    def count(self, what: str, number: int) -> str:
        """Return a number of what was found: outages, failed probes, changes of the server."""
        return self.text(f"count.{what}_one") if number == 1 else self.text(f"count.{what}", number=number)

    def when(self, at: datetime) -> str:
        """Return a time to the second by the clock of the target's place, with UTC beside it."""
        local, zone = self.local(at)
        written, utc = f"{local:%Y-%m-%d %H:%M:%S} {zone}", at.astimezone(UTC)
        if zone == "UTC":
            return written
        day = "" if local.date() == utc.date() else "%Y-%m-%d "
        return f"{written} ({utc.strftime(f'{day}%H:%M:%S')} UTC)"

    def clock(self, at: datetime, now: datetime) -> str:
        """Return a time to the minute with UTC beside it, and with its day where that is not the present one."""
        (local, zone), today = self.local(at), self.local(now)[0].date()
        day = "" if local.date() == today else f"{local:%Y-%m-%d} "
        utc = "" if zone == "UTC" else f" ({at.astimezone(UTC):%H:%M} UTC)"
        return f"{day}{local:%H:%M} {zone}{utc}"

    def stamp(self, at: datetime) -> str:
        """Return a time to the minute by the clock of the target's place, where something else names that clock."""
        return f"{self.local(at)[0]:%Y-%m-%d %H:%M}"

    def minute(self, at: datetime) -> str:
        """Return a time to the minute by the clock of the target's place, the hour first."""
        local, zone = self.local(at)
        return f"{local:%H:%M} {zone}, {local:%Y-%m-%d}"

    def local(self, at: datetime) -> tuple[datetime, str]:
        """Return a time by the clock of the target's place, and that clock's name, such as KST or UTC+0545."""
        local = at.astimezone(self.zone or UTC)
        name = local.tzname() or ""
        return local, name if name.isalpha() else f"UTC{name}"

    def short(self, failure: Failure) -> str:
        """Return a failure in a few words, with its SQLSTATE."""
        return self.shorts(failure)[0]

    def shorts(self, failure: Failure) -> tuple[str, str, str]:
        """Return a failure in ever fewer words: with its SQLSTATE, without it, and in one word or two."""
        keys = (f"{failure.kind}-{failure.phase}", str(failure.kind))
        key, word = next(key for key in keys if f"short.{key}" in self.language.texts), str(failure.kind)
        if failure.kind is not Kind.TIMEOUT and failure.sqlstate == _WRONG_PASSWORD:
            key = word = "password"
        words, brief = self.text(f"short.{key}"), self.text(f"brief.{word}")
        if failure.kind is Kind.TIMEOUT or failure.sqlstate is None:
            return words, words, brief
        return self.text("short.with_sqlstate", short=words, sqlstate=failure.sqlstate), words, brief

    def medians(self, key: str, found: Mapping[Phase, float]) -> str:
        """Return the milliseconds of a whole probe and of its phases, in the text of that key."""
        phases = ", ".join(f"{self.text(f'phase.{phase}')} {spent:,.1f}" for phase, spent in found.items())
        return self.text(key, total=f"{sum(found.values()):,.0f}", phases=phases)

    def cause(self, failure: Failure) -> str:
        """Return the sentence that says what is wrong."""
        return self._explain("cause", failure, failure.cause)

    def next_step(self, failure: Failure) -> str:
        """Return the sentence that says what to check first."""
        return self._explain("next_step", failure, failure.next_step)

    def _explain(self, part: str, failure: Failure, english: str) -> str:
        """Return a sentence in this language, or in English if another version stored the failure without its words."""
        try:
            return self.text(f"{part}.{failure.advice}", **failure.words)
        except KeyError:
            return sanitize(english, _MAX_ENGLISH)
