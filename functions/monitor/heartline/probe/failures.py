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
    (Kind.CLOSED, Phase.TLS): "closed-tls",
    # The function of PostgreSQL that reports an error stands in it in any language. These two report a limit of the
    # role's own (src/backend/utils/init/miscinit.c) and of the database's (postinit.c), not the server's.
    "53300 InitializeSessionUserId": "saturated-role",
    "53300 CheckMyDatabase": "saturated-database",
    **{(code, phase): "server-error-pooler" for code in ("08P01", "XX000") for phase in (Phase.LOGIN, Phase.QUERY)},
    ("28000", Phase.LOGIN): "auth-access",
    ("42501", Phase.LOGIN): "denied-connect",
    ("55000", Phase.LOGIN): "denied-database",
}


# What is said of a login by password; RDS reports a refused token as 28000.
_BY_TOKEN = {Kind.AUTH, "auth-access"}
# Who reports everything of its own under one SQLSTATE: `poolers`.
POOLERS = {"08P01": "PgBouncer", "08S01": "Pgpool-II", "XX000": "Pgpool-II"}


class Advice(NamedTuple):
    """The key of a cause and a next step in the texts, and the words for their placeholders."""

    key: str
    words: Mapping[str, str]


def advise(
    about: Sequence[_About], phase: Phase, target: Target, endpoint: Endpoint, specific: str | None = None
) -> Advice:
    """Return the most specific sentences for a failure.

    Parameters
    ----------
    about
        What the failure is, the most specific first: the error's type, the SQLSTATE; last its kind.
    phase, target, endpoint
        Where it occurred, for the words.
    specific
        The key of sentences that fit better than all of these.
    """
    keys = [key for one in about for key in ((one, phase), one)]
    key = specific or next((_SPECIFIC[one] for one in keys if one in _SPECIFIC), str(about[-1]))
    if key in _BY_TOKEN and target.iam:
        key = "auth-iam"
    sqlstate = next((one for one in about if isinstance(one, str) and one in POOLERS), None)
    return Advice(key, words(phase, target, endpoint, sqlstate))


def words(phase: Phase, target: Target, endpoint: Endpoint, sqlstate: str | None, rows: int = 0) -> Mapping[str, str]:
    """Return the words for the placeholders of the sentences about a failure in this phase, with that SQLSTATE."""
    pooler = POOLERS.get(sqlstate or "")
    result = {"expected": target.expectations, "rows": str(rows)} if phase is Phase.QUERY else {}
    return (
        ({"pooler": pooler} if pooler else {})
        | result
        | {
            "host": endpoint.host,
            "port": str(endpoint.port),
            "database": endpoint.database,
            "user": endpoint.user,
            "phase": phase.value,
            "seconds": f"{target.timeout.total_seconds():g}",
        }
    )


def explained(
    phase: Phase, kind: Kind, advice: Advice, sqlstate: str | None = None, said: str | None = None
) -> Failure:
    """Return a failure with its cause and next step in English."""
    english = language("en")
    cause, next_step = (english.text(f"{part}.{advice.key}", **advice.words) for part in ("cause", "next_step"))
    return Failure(phase, kind, cause, next_step, sqlstate, said, advice.key, advice.words)
