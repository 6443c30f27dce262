"""What a failure's cause and next step can say beyond its kind."""

from __future__ import annotations

import ssl

from heartline.model.kinds import Kind, Phase, TlsNegotiation
from heartline.model.target import Credential, Target
from heartline.probe.errors import ClientCertificateUnusableError

# X509_V_ERR_ codes of OpenSSL: x509_vfy.h.
_CERTIFICATE = {
    9: "certificate-early",  # CERT_NOT_YET_VALID
    10: "certificate-expired",  # CERT_HAS_EXPIRED
    2: "certificate-untrusted",  # UNABLE_TO_GET_ISSUER_CERT
    18: "certificate-untrusted",  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: "certificate-untrusted",  # SELF_SIGNED_CERT_IN_CHAIN
    20: "certificate-untrusted",  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: "certificate-untrusted",  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: "certificate-name",  # HOSTNAME_MISMATCH
    64: "certificate-name",  # IP_ADDRESS_MISMATCH
}
# Where a certificate was shown; PostgreSQL reports one of another name as the login's own method fails.
_BY_CERTIFICATE = {Kind.CLIENT_CERTIFICATE: "client-certificate-refused", Kind.AUTH: "auth-certificate"}
_DIRECT = {Kind.TLS, Kind.CLOSED, Kind.TIMEOUT}


def specific(kind: Kind, phase: Phase, error: BaseException, target: Target, credential: Credential) -> str | None:
    """Return the key of more specific sentences than the kind's, if there are any.

    Parameters
    ----------
    kind, phase
        What and where the failure is.
    error
        What was raised.
    target, credential
        What was tried.
    """
    if kind is Kind.AUTH and phase is Phase.LOGIN and (credential.password or "").endswith(("\n", "\r")):
        return "password-line-break"
    if kind is Kind.CERTIFICATE and isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(getattr(error, "verify_code", 0))
    if isinstance(error, ClientCertificateUnusableError):
        return "client-certificate-unusable"
    if credential.client_certificate is not None and kind in _BY_CERTIFICATE:
        return _BY_CERTIFICATE[kind]
    if phase is Phase.TLS and kind in _DIRECT and target.tls_negotiation is TlsNegotiation.DIRECT:
        return "tls-direct"
    return None
