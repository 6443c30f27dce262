"""The TLS contexts: one for each mode, each made once."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

from heartline.model.kinds import Tls
from heartline.probe.stream import TlsSocket

# Lambda puts a layer into /opt; the second is the same folder in a checkout.
_CERTIFICATES = (Path("/opt"), Path(__file__).parents[2] / "../../layers/rds-ca")

# Python's own default, where its builder set no other: https://docs.python.org/3/library/ssl.html
_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"


@cache
def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the context of a TLS mode, which trusts the system's roots and the layer's.

    Python 3.13 refuses certificate authorities that libpq and every application accept (VERIFY_X509_STRICT); a
    monitor that is stricter than the applications would raise false alerts.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.sslsocket_class = TlsSocket
    context.check_hostname = tls is Tls.VERIFY_FULL
    if tls.verified:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_default_certs()
        for folder in _CERTIFICATES:
            for bundle in sorted(folder.glob("*.pem")):
                context.load_verify_locations(bundle)
    else:
        context.verify_mode = ssl.CERT_NONE
    return context
