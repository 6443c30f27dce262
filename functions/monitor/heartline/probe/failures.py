"""Choose the sentences of a failure: its cause and the next step, for someone woken at night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from heartline.i18n.language import language
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Endpoint, Target
from heartline.probe import errors

# What has a text of its own: an error's type or an SQLSTATE, in one phase where that matters. All else has the text of
# its kind.
_About = Kind | type[BaseException] | str | None
_SPECIFIC: Mapping[_About | tuple[_About, Phase], str] = {
    **{(Kind.TIMEOUT, phase): f"timeout-{phase}" for phase in Phase if phase is not Phase.CREDENTIALS},
    errors.ProtocolFaultError: "protocol",
    errors.PasswordMissingError: "password-missing",
    errors.AuthUnsupportedError: "auth-unsupported",
    errors.ClearTextError: "clear-text",
    errors.PrimaryError: "wrong-role-primary",
    ("42501", Phase.LOGIN): "denied-connect",
    ("55000", Phase.LOGIN): "denied-database",
}


class Advice(NamedTuple):
    """The key of a cause and a next step in the texts, and the words for their placeholders."""

    key: str
    words: Mapping[str, str]


def advise(about: Sequence[_About], phase: Phase, target: Target, endpoint: Endpoint) -> Advice:
    """Return the most specific sentences for a failure.

    Parameters
    ----------
    about
        What the failure is, the most specific first: the error's type, the SQLSTATE; last its kind.
    phase, target, endpoint
        Where it occurred, for the words.
    """
    keys = [key for one in about for key in ((one, phase), one)]
    key = next((_SPECIFIC[one] for one in keys if one in _SPECIFIC), str(about[-1]))
    if key == Kind.AUTH and target.iam:
        key = "auth-iam"
    return Advice(key, words(phase, target, endpoint))


def words(phase: Phase, target: Target, endpoint: Endpoint) -> Mapping[str, str]:
    """Return the words for the placeholders of the sentences about a failure in this phase."""
    return {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "database": endpoint.database,
        "user": endpoint.user,
        "phase": phase.value,
        "seconds": f"{target.timeout.total_seconds():g}",
    }


def explained(
    phase: Phase, kind: Kind, advice: Advice, sqlstate: str | None = None, said: str | None = None
) -> Failure:
    """Return a failure with its cause and next step in English."""
    english = language("en")
    cause, next_step = (english.text(f"{part}.{advice.key}", **advice.words) for part in ("cause", "next_step"))
    return Failure(phase, kind, cause, next_step, sqlstate, said, advice.key, advice.words)
