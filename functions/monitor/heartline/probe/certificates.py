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
_parsed: dict[bytes, Mapping[str, Any]] = {}
_MOST_PARSED = 1000
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL, x509_vfy.h
_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH = 62, 64


def expiry(sock: TlsSocket) -> datetime:
    """Return the end of a certificate that was verified."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(_certificate(sock)["notAfter"])), UTC)


def check_name(sock: TlsSocket, host: str) -> None:
    """Raise unless a verified certificate is valid for a host's name or IP address, as libpq sees it.

    OpenSSL takes neither a name or address of the other kind, nor underscores, nor "*.internal". libpq does:
    pq_verify_peer_name_matches_certificate_name in src/interfaces/libpq/fe-secure-common.c, and
    pgtls_verify_peer_name_matches_certificate_guts in fe-secure-openssl.c.

    Raises
    ------
    ssl.SSLCertVerificationError
        As OpenSSL's own check does.
    """
    certificate, address = _certificate(sock), _packed_address(host)
    alternative = certificate.get("subjectAltName", ())
    addresses = [_packed_address(name) for kind, name in alternative if kind == "IP Address"]
    names = [name for kind, name in alternative if kind == "DNS"]
    if not (names if address is None else addresses):
        names += _common_names(certificate)
    if (address is None or address not in addresses) and not any(_matches(name, host) for name in names):
        code, what = (_HOSTNAME_MISMATCH, "Hostname") if address is None else (_IP_ADDRESS_MISMATCH, "IP address")
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code = code
        error.verify_message = f"{what} mismatch, certificate is not valid for '{host}'."
        raise error


def _matches(name: str, host: str) -> bool:
    """Return True if a certificate's name is a host's, or "*." and the host's without its first label."""
    label, dot, domain = host.lower().partition(".")
    return name.lower() in {host.lower(), f"*.{domain}" if label and dot else ""}


def _packed_address(host: str) -> bytes | None:
    """Return an IP address in binary form; None for a host's name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            return socket.inet_pton(family, host)
    return None


def _common_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    return (value for part in certificate.get("subject", ()) for key, value in part if key == "commonName")


def _certificate(sock: TlsSocket) -> Mapping[str, Any]:
    shown = sock.getpeercert(binary_form=True) or b""
    if shown not in _parsed:
        if len(_parsed) >= _MOST_PARSED:
            _parsed.clear()
        _parsed[shown] = sock.getpeercert() or {}
    return _parsed[shown]
