"""The TLS contexts: one for each way to use TLS, each made once."""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Tls
from heartline.probe.errors import ClientCertificateUnusableError
from heartline.probe.stream import TlsSocket

# Lambda puts a layer into /opt; the second is the same folder in a checkout.
_CERTIFICATES = (Path("/opt"), Path(__file__).parents[2] / "../../layers/rds-ca")

# OpenSSL's default, which is libpq's as well; Python's own leaves out ciphers that servers of TLS 1.2 may insist on.
_CIPHERS = "DEFAULT:@SECLEVEL=2"
# The protocol of direct TLS: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
ALPN = "postgresql"
# RFC 7468, 5.1: a certificate, of which DER makes a sequence.
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")
_SEQUENCE = b"\x30"
# A context with the layer's authorities takes a megabyte.
_MOST_CONTEXTS = 64


@lru_cache(maxsize=_MOST_CONTEXTS)
def tls_context(tls: Tls, *, direct: bool = False, client_certificate: str | None = None) -> ssl.SSLContext:
    """Return the context of a TLS mode, which trusts the system's roots and the layer's.

    Python 3.13 refuses certificate authorities that libpq and every application accept (VERIFY_X509_STRICT); a
    monitor that is stricter than the applications would raise false alerts.

    Parameters
    ----------
    tls
        How far a server's certificate is checked.
    direct
        Whether TLS is spoken from the first byte on.
    client_certificate
        A certificate and its key in PEM form, for servers that demand one.

    Raises
    ------
    ClientCertificateUnusableError
        When the client certificate cannot be used.
    ConfigurationError
        When a file of the layer holds no certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.sslsocket_class = TlsSocket
    context.check_hostname = False  # `check_name` does it, as libpq does
    if direct:
        context.set_alpn_protocols([ALPN])
    if client_certificate is not None:
        _offer(context, client_certificate)
    if tls.verified:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
        _trust(context)
    else:
        context.verify_mode = ssl.CERT_NONE
    return context


def _offer(context: ssl.SSLContext, client_certificate: str) -> None:
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 - few targets need it

    # OpenSSL's files are the only way in; nobody else can read this one, and it is gone at once.
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(client_certificate)
        file.flush()
        try:
            # Without the empty password OpenSSL would ask the terminal for that of an encrypted key.
            context.load_cert_chain(file.name, password="")
        except (ssl.SSLError, ValueError):
            raise ClientCertificateUnusableError("no certificate with a private key of its own, unencrypted") from None


def _trust(context: ssl.SSLContext) -> None:
    context.load_default_certs()
    unfit = []
    for bundle in _bundles():
        try:
            context.load_verify_locations(bundle)
        except OSError:  # ssl.SSLError is one
            unfit.append(bundle)
    _refuse(unfit)


def check_layer() -> None:
    """Raise at once what a context would raise later, as far as that is seen without parsing certificates.

    Parsing those of RDS takes 27 ms, which only a probe with TLS is worth.

    Raises
    ------
    ConfigurationError
        When a file of the layer holds no certificate in PEM form.
    """
    _refuse([bundle for bundle in _bundles() if not _holds_certificate(bundle.read_bytes())])


def _bundles() -> list[Path]:
    return [bundle for folder in _CERTIFICATES for bundle in sorted(folder.glob("*.pem"))]


def _holds_certificate(content: bytes) -> bool:
    found = _PEM.search(content)
    try:
        return found is not None and b64decode(b"".join(found[1].split()), validate=True).startswith(_SEQUENCE)
    except ValueError:
        return False


def _refuse(bundles: Sequence[Path]) -> None:
    if bundles:
        fix = "holds no certificates in PEM form: replace it, or take it out"
        raise ConfigurationError([f"layers/rds-ca/{bundle.name} {fix}" for bundle in bundles])
