"""Log in by SCRAM-SHA-256 as libpq does: RFC 5802, RFC 7677, and src/interfaces/libpq/fe-auth-scram.c.

pg8000's own way, scramp, refuses passwords and iteration counts that PostgreSQL allows, and salts a password anew at
each login, which is half of the processor time of one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from scramp.core import CBindData, ScramException

from heartline.probe.errors import AuthUnsupportedError, ProtocolFaultError
from heartline.probe.saslprep import saslprep

_PLAIN, _PLUS = b"SCRAM-SHA-256", b"SCRAM-SHA-256-PLUS"
_NONCE_BYTES = 18  # as libpq's
_MAX_KEYS = 1024
# RFC 5802, 7: server-first-message. Its mandatory extensions, which PostgreSQL has none of, would come before these.
_CHALLENGE = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})(?:,|\Z)")


class Keys(NamedTuple):
    """What a salted password comes to (RFC 5802, 3)."""

    client: bytes
    stored: bytes
    server: bytes


class Scram:
    """One exchange, which is over when `proven` is True.

    Parameters
    ----------
    mechanisms
        What the server offers.
    password
        The role's.
    certificate
        What the server showed in TLS, in DER form; None without TLS.

    Raises
    ------
    AuthUnsupportedError
        When the server offers nothing that PostgreSQL does.
    """

    def __init__(self, mechanisms: Collection[bytes], password: str, certificate: bytes | None) -> None:
        binding = _binding(certificate) if certificate else None
        if binding and _PLUS in mechanisms:
            self.mechanism, header = _PLUS, b"p=tls-server-end-point,,"
        elif _PLAIN in mechanisms:
            # "y" lets the server find out that somebody in between has taken the other mechanism out of its offer.
            self.mechanism, header, binding = _PLAIN, b"y,," if binding else b"n,,", b""
        else:
            raise AuthUnsupportedError("no mechanism that the monitor has")
        self._password = password
        self._nonce = b64encode(os.urandom(_NONCE_BYTES))
        self._bare = b"n=,r=" + self._nonce  # PostgreSQL knows the user's name already
        self.first = header + self._bare
        self._channel = b64encode(header + (binding or b""))
        self._expected = b""
        self.proven = False

    def answer(self, challenge: bytes) -> bytes:
        """Return the proof that the password is known.

        Raises
        ------
        ProtocolFaultError
            When the challenge is malformed, or the answer to something else.
        """
        nonce, salt, iterations = _challenge(challenge)
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ProtocolFaultError("not an answer to this exchange of SCRAM")
        keys = _keys(self._password, salt, iterations)
        unproven = b"c=" + self._channel + b",r=" + nonce
        signed = b",".join((self._bare, challenge, unproven))
        signature = hmac.digest(keys.stored, signed, "sha256")
        proof = (int.from_bytes(keys.client, "big") ^ int.from_bytes(signature, "big")).to_bytes(len(signature), "big")
        self._expected = b"v=" + b64encode(hmac.digest(keys.server, signed, "sha256"))
        return unproven + b",p=" + b64encode(proof)

    def prove(self, final: bytes) -> None:
        """Check the server's own proof that it knows the password.

        Raises
        ------
        ProtocolFaultError
            When it does not.
        """
        if not self._expected or not hmac.compare_digest(final.partition(b",")[0], self._expected):
            raise ProtocolFaultError("the server does not prove that it knows the password")
        self.proven = True


def iterations_of(challenge: bytes) -> int:
    """Return how often a challenge wants the password salted.

    Raises
    ------
    ProtocolFaultError
        When it is malformed.
    """
    return _challenge(challenge)[2]


def _challenge(challenge: bytes) -> tuple[bytes, bytes, int]:
    """Read nonce, salt and iteration count; extensions may follow them."""
    read = _CHALLENGE.match(challenge)
    if read is None:
        raise ProtocolFaultError("a malformed challenge of SCRAM")
    try:
        return read[1], b64decode(read[2], validate=True), int(read[3])
    except ValueError:
        raise ProtocolFaultError("a salt that is not in base 64") from None


# RFC 5802, 3: "a client implementation MAY cache ClientKey&ServerKey (or just SaltedPassword)". PostgreSQL makes a new
# salt whenever a role's password is set.
@lru_cache(maxsize=_MAX_KEYS)
def _keys(password: str, salt: bytes, iterations: int) -> Keys:
    salted = hashlib.pbkdf2_hmac("sha256", saslprep(password).encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return Keys(client, hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256"))


@lru_cache(maxsize=_MAX_KEYS)
def _binding(certificate: bytes) -> bytes | None:
    """Return the hash that binds a login to the channel (RFC 5929, 4.1); None for a certificate signed without one."""
    try:
        return bytes(CBindData.from_der(certificate))
    except ScramException:
        return None
