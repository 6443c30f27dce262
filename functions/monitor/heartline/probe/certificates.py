"""Read the certificate by which a server has proved its identity."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from heartline.probe.stream import TlsSocket

# To parse a certificate costs a fiftieth of a probe, and a server seldom shows another than the last time.
_ends: dict[bytes, datetime] = {}
_MOST_ENDS = 1000
_IP_ADDRESS_MISMATCH = 64  # X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL, x509_vfy.h


def expiry(sock: TlsSocket) -> datetime:
    """Return the end of a certificate that was verified."""
    shown = sock.getpeercert(binary_form=True) or b""
    if shown not in _ends:
        if len(_ends) >= _MOST_ENDS:
            _ends.clear()
        end = ssl.cert_time_to_seconds(str(_certificate(sock)["notAfter"]))
        _ends[shown] = datetime.fromtimestamp(end, UTC)
    return _ends[shown]


def packed_address(host: str) -> bytes | None:
    """Return an IP address in binary form; None for a host's name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            return socket.inet_pton(family, host)
    return None


def check_address(sock: TlsSocket, host: str) -> None:
    """Raise unless a verified certificate is valid for an IP address, as libpq sees it.

    OpenSSL looks for the address among a certificate's IP addresses only. libpq also accepts it as a DNS name, and as
    the common name where no IP address is given: pgtls_verify_peer_name_matches_certificate_guts in
    src/interfaces/libpq/fe-secure-openssl.c.

    Raises
    ------
    ssl.SSLCertVerificationError
        As OpenSSL's own check does.
    """
    certificate = _certificate(sock)
    names = certificate.get("subjectAltName", ())
    addresses = [packed_address(name) for kind, name in names if kind == "IP Address"]
    texts = [name for kind, name in names if kind == "DNS"]
    if not addresses:
        texts += _common_names(certificate)
    if packed_address(host) not in addresses and host.lower() not in map(str.lower, texts):
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code = _IP_ADDRESS_MISMATCH
        error.verify_message = f"IP address mismatch, certificate is not valid for '{host}'."
        raise error


def _common_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    return (value for part in certificate.get("subject", ()) for key, value in part if key == "commonName")


def _certificate(sock: TlsSocket) -> Mapping[str, Any]:
    return sock.getpeercert() or {}
