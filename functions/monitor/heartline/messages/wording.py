"""The words for one target's readers: in their language, with the times of their place beside UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from heartline.common.text import sanitize
from heartline.i18n.language import Language, language
from heartline.model.kinds import Kind
from heartline.model.observation import Failure
from heartline.model.target import Target

_MAX_ENGLISH = 500
_WRONG_PASSWORD = "28P01"  # noqa: S105 - an SQLSTATE, PostgreSQL documentation, appendix A


@dataclass(frozen=True, slots=True)
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

    def when(self, at: datetime) -> str:
        """Return a time to the second in UTC, and in the target's time zone where one is configured."""
        written = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self.zone is None:
            return written
        local = at.astimezone(self.zone)
        day = "" if local.date() == at.astimezone(UTC).date() else "%Y-%m-%d "
        return f"{written} ({local.strftime(f'{day}%H:%M:%S')} {self.zone.key})"

    def short(self, failure: Failure) -> str:
        """Return the few words for a failure that a subject has room for."""
        keys = (f"short.{failure.kind}-{failure.phase}", f"short.{failure.kind}")
        key = next(key for key in keys if key in self.language.texts)
        if failure.kind is Kind.TIMEOUT or failure.sqlstate is None:
            return self.text(key)
        words = self.text("short.password" if failure.sqlstate == _WRONG_PASSWORD else key)
        return self.text("short.with_sqlstate", short=words, sqlstate=failure.sqlstate)

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
