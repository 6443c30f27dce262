"""Choose the words that say what a failure is and what to look at first, for someone woken at three."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from heartline.i18n.language import language
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Endpoint, Target
from heartline.probe import errors

# What has words of its own: a fault's type or an SQLSTATE, and the phase as well where it matters. The rest has
# those of its kind.
_About = Kind | type[BaseException] | str | None
_SPECIFIC: Mapping[_About | tuple[_About, Phase], str] = {
    **{(Kind.TIMEOUT, phase): f"timeout-{phase}" for phase in Phase if phase is not Phase.CREDENTIALS},
    errors.ProtocolFaultError: "protocol",
    errors.PasswordMissingError: "password-missing",
    errors.AuthUnsupportedError: "auth-unsupported",
    errors.ClearTextError: "clear-text",
    errors.PrimaryError: "wrong-role-primary",
    (ssl.SSLError, Phase.LOGIN): "client-certificate",
    ("42501", Phase.LOGIN): "no-connect",
}


class Advice(NamedTuple):
    """Name two sentences by their key in the texts, with the words that they need."""

    key: str
    words: Mapping[str, str]


def advise(about: Sequence[_About], phase: Phase, target: Target, endpoint: Endpoint) -> Advice:
    """Choose the two sentences that fit best.

    Parameters
    ----------
    about
        What the failure is, the most specific first: the fault's type, the SQLSTATE; last its kind.
    phase, target, endpoint
        Where it arose, for the words.
    """
    keys = [key for one in about for key in ((one, phase), one)]
    key = next((_SPECIFIC[one] for one in keys if one in _SPECIFIC), str(about[-1]))
    words = {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "database": endpoint.database,
        "user": endpoint.user,
        "phase": phase.value,
        "seconds": f"{target.timeout.total_seconds():g}",
    }
    return Advice(key, words)


def explained(
    phase: Phase, kind: Kind, advice: Advice, sqlstate: str | None = None, said: str | None = None
) -> Failure:
    """Make a failure that says in English what is so and what to look at first."""
    english = language("en")
    cause, next_step = (english.say(f"{part}.{advice.key}", **advice.words) for part in ("cause", "next_step"))
    return Failure(phase, kind, cause, next_step, sqlstate, said, advice.key, advice.words)
