"""Say what each failure is and what to look at first, in words for someone woken at three."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from heartline.model import Endpoint, Kind, Phase, Target
from heartline.probe import faults

# The cause and the next step, by kind; by what is more specific, a fault's type or an SQLSTATE; and by the phase
# as well, where it matters.
_About = Kind | type[BaseException] | str | None
_PROTOCOL = (
    "What answers at {host} port {port} does not speak PostgreSQL's protocol as it should.",
    "Check the port, and what else could listen there: a proxy, a load balancer, another service.",
)
_TEXTS: dict[_About | tuple[_About, Phase], tuple[str, str]] = {
    Kind.UNRESOLVABLE: (
        "The name {host} has no address.",
        "Check the host name for typing errors, that the instance still exists, and the VPC's DNS settings.",
    ),
    Kind.REFUSED: (
        "The host {host} is there, but nothing accepts connections on port {port}.",
        "Check that PostgreSQL runs (RDS: status and recent events of the instance) and that the port is right.",
    ),
    Kind.UNREACHABLE: (
        "There is no way to {host} from here.",
        "Check subnets, route tables and network ACLs between the monitor and the database.",
    ),
    (Kind.TIMEOUT, Phase.RESOLVE): (
        "The name service did not say within {seconds} s where {host} is.",
        "Check the VPC's DNS resolver and, for a private zone, its association with the monitor's VPC.",
    ),
    (Kind.TIMEOUT, Phase.CONNECT): (
        "No answer from {host} port {port} within {seconds} s.",
        "Check that the host is up, then that the database's security group admits the monitor's.",
    ),
    (Kind.TIMEOUT, Phase.TLS): (
        "{host} takes connections but did not answer the request for TLS within {seconds} s.",
        "The server is likely frozen or overloaded: check CPU, memory and storage of the instance.",
    ),
    (Kind.TIMEOUT, Phase.LOGIN): (
        "{host} takes connections but did not complete the login within {seconds} s.",
        "The server is likely frozen or overloaded: check CPU, memory and storage of the instance.",
    ),
    (Kind.TIMEOUT, Phase.QUERY): (
        "The login worked, but the query had no answer within {seconds} s.",
        "The server is likely overloaded or its storage stalls: check CPU, I/O and locks.",
    ),
    Kind.TLS_REFUSED: (
        "The database answers, but offers no TLS where the monitor requires it.",
        'Switch ssl on in the server; only for a network that you trust, set tls = "disable" for this target.',
    ),
    Kind.CERTIFICATE: (
        "The database answers, but its certificate is not valid for {host}.",
        "Check the certificate's expiry and names; for your own authority, add its .pem file to layers/rds-ca.",
    ),
    Kind.TLS: (
        "The database answers, but the TLS handshake with it fails.",
        "Check the TLS versions and ciphers that the server allows (RDS: ssl_min_protocol_version, ssl_ciphers).",
    ),
    Kind.CLOSED: (
        "{host} took the connection and closed it before the {phase} phase was over.",
        "Check whether the server crashed or restarts (its log, RDS events), or a proxy in front of it gave up.",
    ),
    Kind.AUTH: (
        "The database answers, but does not let user {user} in.",
        "Check the password in the secret, that the role exists and may log in, and pg_hba.conf.",
    ),
    Kind.NO_DATABASE: (
        "The server answers, but has no database {database}.",
        "Check the database's name in the configuration, and whether it was dropped or renamed.",
    ),
    Kind.SATURATED: (
        "The server has no connection left: all slots are taken.",
        "Look at pg_stat_activity for idle sessions and runaway pools; raise max_connections or add a pooler.",
    ),
    Kind.STARTING: (
        "The server is starting up, shutting down or recovering, and lets nobody in yet.",
        "Wait some minutes; if it goes on, read the server's log for how far recovery is.",
    ),
    Kind.STOPPING: (
        "The server ends its sessions: it was told to stop or restart, or an operator cut them.",
        "Check whether someone restarts or fails it over (RDS: recent events, maintenance window).",
    ),
    Kind.DENIED: (
        "The database answers and lets user {user} in, but the probe's query is not permitted.",
        "Grant the role what the query needs, or leave the query out.",
    ),
    Kind.WRONG_ROLE: (
        "The server is read-only where a primary is expected.",
        "Check whether a failover happened and the name still leads to the old primary.",
    ),
    Kind.SERVER_ERROR: (
        "The server answers with an error of its own.",
        "Look the SQLSTATE up in PostgreSQL's appendix A, and read the server's log at that time.",
    ),
    Kind.PROTOCOL: _PROTOCOL,
    faults.ProtocolFaultError: _PROTOCOL,
    faults.PasswordMissingError: (
        "The database answers, but wants a password for user {user}, and none is configured.",
        'Name a Secrets Manager secret for this target (secret = "..."), or set auth = "iam".',
    ),
    faults.AuthUnsupportedError: (
        "The database answers, but wants user {user} to log in by a method that the monitor does not have.",
        "Give the role scram-sha-256 in pg_hba.conf; Kerberos, GSSAPI and SSPI are not supported.",
    ),
    faults.ClearTextError: (
        "The database answers, but wants the password in clear text over a connection that is not verified.",
        'Set tls = "verify-full" for this target, or give the role scram-sha-256 in pg_hba.conf.',
    ),
    (ssl.SSLError, Phase.LOGIN): (
        "The database answers, but breaks off the TLS connection as soon as the login begins.",
        "It likely demands a client certificate, which the monitor does not have: check clientcert in pg_hba.conf.",
    ),
    ("42501", Phase.LOGIN): (
        "The server answers, but does not permit user {user} to connect to database {database}.",
        "GRANT CONNECT on that database to the role, or name a database that it may connect to.",
    ),
}


def advise(about: Sequence[_About], phase: Phase, target: Target, endpoint: Endpoint) -> tuple[str, str]:
    """Give the sentence that says what is so and the one that says what to look at first.

    Parameters
    ----------
    about
        What the failure is, the most specific first: the fault's type, the SQLSTATE; last its kind.
    phase, target, endpoint
        Where it arose, for the words.
    """
    keys = [key for one in about for key in ((one, phase), one)]
    cause, next_step = next(_TEXTS[key] for key in keys if key in _TEXTS)
    words = {
        "host": endpoint.host,
        "port": endpoint.port,
        "database": endpoint.database,
        "user": endpoint.user,
        "phase": phase,
        "seconds": f"{target.timeout.total_seconds():g}",
    }
    return cause.format(**words), next_step.format(**words)
