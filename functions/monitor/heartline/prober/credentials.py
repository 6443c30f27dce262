"""Find the credential of a target: a Secrets Manager secret, an IAM token, or no password at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from time import monotonic
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.common import fields
from heartline.common.frozen import frozen
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import DEFAULT_DATABASE, DEFAULT_PORT, Credential, Endpoint, Target
from heartline.probe.failures import Advice, explained

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_secretsmanager import SecretsManagerClient

# A rotation is noticed by the refused login; the age bounds how long a deleted secret goes on working.
_MAX_AGE_SECONDS = 900
# The writer endpoint of a global cluster names no region; its token is signed for the function's own.
_RDS_REGION = re.compile(r"\.(?!global\.)([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?$")

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
_UNREADABLE = {
    "ResourceNotFoundException": "secret-missing",
    "AccessDeniedException": "secret-denied",
    "DecryptionFailure": "secret-encrypted",
}


class Credentials:
    """Find credentials.

    Parameters
    ----------
    secrets
        Returns the Secrets Manager client.
    signer
        Returns the RDS client that signs IAM tokens for a region (None: the function's own), without a call.
    clock
        Returns the seconds of a clock that is never set.
    """

    def __init__(
        self,
        secrets: Callable[[], SecretsManagerClient],
        signer: Callable[[str | None], RDSClient],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._secrets = secrets
        self._signer = signer
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def find(self, target: Target, *, afresh: bool = False) -> Credential | Failure:
        """Return the target's credential, or why there is none.

        Parameters
        ----------
        target
            Whose credential.
        afresh
            Ask Secrets Manager even if its last answer is kept: after a login was refused.
        """
        credential = self._login(target, afresh=afresh)
        if target.client_certificate is None or isinstance(credential, Failure):
            return credential
        text = self._read(target.client_certificate, afresh=afresh)
        return text if isinstance(text, Failure) else _with_certificate(credential, text, target.client_certificate)

    def _login(self, target: Target, *, afresh: bool) -> Credential | Failure:
        if target.secret is not None:
            text = self._read(target.secret, afresh=afresh)
            return text if isinstance(text, Failure) else _credential(target, text, target.secret)
        endpoint = _endpoint(target, {})
        if not target.iam:
            return Credential(endpoint)
        region = match[1] if (match := _RDS_REGION.search(endpoint.host)) else None
        try:
            token = self._signer(region).generate_db_auth_token(endpoint.host, endpoint.port, endpoint.user)
        except BotoCoreError as error:
            return _failure("token", code=type(error).__name__)
        return Credential(endpoint, token)

    def _read(self, secret: str, *, afresh: bool) -> str | bytes | Failure:
        """Read a secret; while Secrets Manager is out of order, its last answer stays good."""
        kept = self._kept.get(secret)
        if kept and not afresh and self._clock() < kept.until:
            return kept.text
        try:
            answer = self._secrets().get_secret_value(SecretId=secret)
        except (ClientError, BotoCoreError) as error:
            code = code_of(error)
            if kept and code not in _UNREADABLE:
                return kept.text
            return _failure(_UNREADABLE.get(code, "secret-unavailable"), secret=secret, code=code)
        text = answer.get("SecretString", answer.get("SecretBinary"))
        if not isinstance(text, str | bytes):
            return _failure("secret-no-text", secret=secret)
        self._kept[secret] = _Kept(text, self._clock() + _MAX_AGE_SECONDS)
        return text


@frozen
class _Kept:
    text: str | bytes = field(repr=False)
    until: float


def _credential(target: Target, text: str | bytes, secret: str) -> Credential | Failure:
    """Read the RDS shape; what is wrong with it is said without quoting it.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not _is_password(fields.get("password")):
        return _failure("secret-no-password", secret=secret)
    try:
        endpoint = _endpoint(target, fields)
    except ValueError:
        return _failure("secret-incomplete", secret=secret)
    return Credential(endpoint, fields["password"])


def _is_password(value: object) -> bool:
    """Return True if a value can be a password; JSON can hold halves of characters, which nothing can send."""
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


def _endpoint(target: Target, secret: Mapping[str, object]) -> Endpoint:
    """Return where and as whom; the secret fills what the document leaves out.

    Raises
    ------
    ValueError
        If a value is missing in both, or malformed in the secret.
    """
    return Endpoint(
        target.host or fields.host(secret.get("host")),
        target.port or _port(secret.get("port") or DEFAULT_PORT),
        target.database or fields.text(secret.get("dbname") or DEFAULT_DATABASE),
        target.user or fields.text(secret.get("username")),
    )


def _port(value: object) -> int:
    port = int(str(value))
    if not 1 <= port <= 65535:
        raise ValueError("no port has that number")
    return port


def _with_certificate(credential: Credential, text: str | bytes, secret: str) -> Credential | Failure:
    """Add what is to be a certificate and its private key (RFC 7468); OpenSSL finds out whether it is."""
    try:
        pem = text if isinstance(text, str) else text.decode("ascii")
    except UnicodeDecodeError:
        pem = ""
    if "-----BEGIN CERTIFICATE-----" not in pem or "PRIVATE KEY-----" not in pem:
        return _failure("secret-no-certificate", secret=secret)
    return replace(credential, client_certificate=pem)


def _failure(advice: str, **words: str) -> Failure:
    return explained(Phase.CREDENTIALS, Kind.CREDENTIALS, Advice(advice, words))
