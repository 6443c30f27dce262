"""What poolers say under one SQLSTATE for everything: PgBouncer under 08P01, Pgpool-II under XX000 and 08S01.

Their messages are fixed and in English. Beside each stands the file and function of the pooler's source that sends it,
in PgBouncer 1.18 to 1.25 (https://github.com/pgbouncer/pgbouncer, src/) and Pgpool-II 4.3 to 4.7
(https://github.com/pgpool/pgpool2, src/). Both name no SQLSTATE of their own in most places: send_pooler_error in
PgBouncer's proto.c, send_message_to_frontend in Pgpool's utils/error/elog.c.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from heartline.model.kinds import Kind


class Refusal(NamedTuple):
    """What a pooler's answer means: its kind, and the key of its sentences."""

    kind: Kind
    advice: str


_AUTH = Refusal(Kind.AUTH, "pooler-auth")
_TLS = Refusal(Kind.AUTH, "pooler-tls")
_CERTIFICATE = Refusal(Kind.CLIENT_CERTIFICATE, "client-certificate")
_NO_DATABASE = Refusal(Kind.NO_DATABASE, "pooler-no-database")
_DISABLED = Refusal(Kind.DENIED, "pooler-disabled")
_SATURATED = Refusal(Kind.SATURATED, "pooler-saturated")
_BEHIND = Refusal(Kind.SERVER_ERROR, "pooler-server")
_WAITING = Refusal(Kind.TIMEOUT, "pooler-waiting")
_STOPPING = Refusal(Kind.STOPPING, "pooler-stopping")
_OTHER = Refusal(Kind.SERVER_ERROR, "pooler-error")

# By the beginning of a message, the first that fits.
_WORDS: dict[str, tuple[tuple[str, Refusal], ...]] = {
    "08P01": (
        ("SASL authentication failed", _AUTH),  # client.c, handle_client_startup
        ("password authentication failed", _AUTH),  # client.c, handle_client_startup
        ("empty password returned by client", _AUTH),  # client.c, handle_client_startup
        ("no such user", _AUTH),  # client.c, handle_auth_query_response
        ("password too long", _AUTH),  # client.c, set_pool
        ("username too long", _AUTH),  # client.c, set_pool
        ('"trust" authentication failed', _AUTH),  # client.c, finish_set_pool
        ("no authentication method is found", _AUTH),  # client.c, finish_set_pool
        ("login rejected", _AUTH),  # client.c, finish_set_pool
        ("PAM authentication failed", _AUTH),  # pam.c, pam_auth_finish
        ("LDAP authentication failed", _AUTH),  # ldapauth.c, ldap_auth_finish
        ("certificate authentication failed", _CERTIFICATE),  # client.c, login_via_cert
        ("SSL required", _TLS),  # client.c, handle_client_startup
        ("no such database", _NO_DATABASE),  # objects.c, finish_client_login
        ('database ".*" is disabled', _DISABLED),  # objects.c, finish_client_login
        (r"no more connections allowed \(max_client_conn\)", _SATURATED),  # client.c, decide_startup_pool
        ("client connections exceeded", _SATURATED),  # client.c, check_db_ and check_user_connection_count
        ("server login has been failing", _BEHIND),  # objects.c, check_fast_fail
        ("server login failed", _BEHIND),  # proto.c, login_scram_sha_256 and its like
        (r"server conn crashed\?", _BEHIND),  # server.c, server_proto
        ("(?:cannot connect|connect (?:failed|timeout)|server DNS lookup failed)", _BEHIND),  # objects.c, server.c
        ("query_wait_timeout", _WAITING),  # janitor.c, pool_client_maint
        ("query timeout", _WAITING),  # janitor.c, pool_server_maint
        ("client_login_timeout", _WAITING),  # janitor.c, pool_client_maint and cleanup_client_logins
        ("(?:pooler is|server) shutting down", _STOPPING),  # objects.c, finish_client_login; janitor.c
        ("admin forced disconnect", _STOPPING),  # admin.c, admin_cmd_kill_client
        ("(?:bouncer config error|bouncer resources exhaustion|pause failed)", _OTHER),  # client.c, objects.c
    ),
    "XX000": (
        ("backend authentication failed", _BEHIND),  # auth/pool_auth.c, pool_do_auth
        ("authentication failed(?: from backend|, backend node)", _BEHIND),  # auth/pool_auth.c, pool_do_auth
        ("failed to authenticate with backend", _BEHIND),  # auth/pool_auth.c, do_SCRAM, do_md5 and their like
        ("CERT authentication failed", _CERTIFICATE),  # auth/pool_auth.c, authenticate_frontend_cert
        (".*authentication with pgpool failed", _AUTH),  # auth/pool_hba.c, auth_failed
        (".*authentication failed", _AUTH),  # auth/pool_auth.c and pool_hba.c: SCRAM, md5, client, password, none
        ("failed authentication against PAM", _AUTH),  # auth/pool_hba.c, CheckPAMAuth
        ("all backend nodes are down", _BEHIND),  # protocol/child.c, connect_backend
        ("failed to create a backend", _BEHIND),  # protocol/pool_connection_pool.c, new_connection
        ("unable to (?:connect to backend|create connection)", _BEHIND),  # protocol/child.c, pool_connection_pool.c
        ("unable to (?:read|flush) data (?:from DB node|to backend)", _BEHIND),  # utils/pool_stream.c
    ),
    # Nobody else has this SQLSTATE.
    "08S01": (("", _BEHIND),),  # protocol/child.c, validate_backend_connectivity
}


def refusal(sqlstate: str, said: str) -> Refusal | None:
    """Return what a pooler's answer means; None where it is not known to be a pooler's."""
    return next((meaning for words, meaning in _WORDS.get(sqlstate, ()) if re.match(words, said)), None)
