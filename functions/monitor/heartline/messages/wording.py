"""Speak to one target's readers: in their language, with the times of their place beside UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from heartline.common.text import sanitize
from heartline.i18n.language import Language, language
from heartline.model.kinds import Kind
from heartline.model.observation import Failure
from heartline.model.target import Target

_MOST_ENGLISH = 500
_WRONG_PASSWORD = "28P01"  # noqa: S105 - an SQLSTATE, PostgreSQL documentation, appendix A


@dataclass(frozen=True, slots=True)
class Wording:
    """Put what the model says into words."""

    language: Language
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, target: Target) -> Wording:
        """Speak as a target's readers want it."""
        return cls(language(target.language), target.time_zone)

    def say(self, key: str, /, **words: object) -> str:
        """Give a text with the words in their places."""
        return self.language.say(key, **words)

    def length(self, span: timedelta) -> str:
        """Write a duration."""
        return self.language.length(span)

    def when(self, at: datetime) -> str:
        """Write a time to the second in UTC, and by the clock of the target's place where one is configured."""
        written = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self.zone is None:
            return written
        local = at.astimezone(self.zone)
        day = "" if local.date() == at.astimezone(UTC).date() else "%Y-%m-%d "
        return f"{written} ({local.strftime(f'{day}%H:%M:%S')} {self.zone.key})"

    def short(self, failure: Failure) -> str:
        """Name a failure in the few words that a subject has room for."""
        keys = (f"short.{failure.kind}-{failure.phase}", f"short.{failure.kind}")
        key = next(key for key in keys if key in self.language.texts)
        if failure.kind is Kind.TIMEOUT or failure.sqlstate is None:
            return self.say(key)
        words = self.say("short.password" if failure.sqlstate == _WRONG_PASSWORD else key)
        return self.say("short.with_sqlstate", short=words, sqlstate=failure.sqlstate)

    def cause(self, failure: Failure) -> str:
        """Say what is so."""
        return self._explain("cause", failure, failure.cause)

    def next_step(self, failure: Failure) -> str:
        """Say what to look at first."""
        return self._explain("next_step", failure, failure.next_step)

    def _explain(self, part: str, failure: Failure, english: str) -> str:
        """Say it in this language; a failure that another version stored may not have the words for it."""
        try:
            return self.say(f"{part}.{failure.advice}", **failure.words)
        except KeyError:
            return sanitize(english, _MOST_ENGLISH)
