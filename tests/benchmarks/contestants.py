"""One way to log in and ask, in a process of its own: what one of them imports or patches is not the others'.

Each line of standard input is a number of attempts to make, and in how many threads; the answer is their processor and
clock time in seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import sys
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
TLS_HOST = "localhost"  # the name in the certificate
DATABASE = "postgres"
ROLE = "heartline"


def heartline(port: int, password: str, authority: str | None) -> Callable[[], object]:
    """Probe as a tick does."""
    from heartline.common.deadline import Deadline  # noqa: PLC0415
    from heartline.model.kinds import Tls  # noqa: PLC0415
    from heartline.model.target import Credential, Endpoint, Target  # noqa: PLC0415
    from heartline.probe import probe  # noqa: PLC0415

    # SSL_CERT_FILE is the authority: the probe trusts what the system trusts.
    target = Target("bench", tls=Tls.VERIFY_FULL if authority else Tls.DISABLE, timeout=timedelta(seconds=5))
    credential = Credential(Endpoint(TLS_HOST if authority else HOST, port, DATABASE, ROLE), password)

    def attempt() -> None:
        seen = probe(target, credential, Deadline.after(5))
        if seen.failure is not None:
            raise RuntimeError(seen.failure)

    return attempt


def pg8000(port: int, password: str, authority: str | None) -> Callable[[], object]:
    """Use the driver as it is."""
    from pg8000.native import Connection  # noqa: PLC0415

    context = ssl.create_default_context(cafile=authority) if authority else False
    host = TLS_HOST if authority else HOST

    def attempt() -> None:
        connection = Connection(ROLE, host, DATABASE, port, password, ssl_context=context, timeout=5)
        connection.run("SELECT 1")
        connection.close()

    return attempt


def psycopg(port: int, password: str, authority: str | None) -> Callable[[], object]:
    """Use libpq."""
    from psycopg import connect  # noqa: PLC0415

    check = f"sslmode=verify-full sslrootcert={authority} gssencmode=disable" if authority else "sslmode=disable"
    host = TLS_HOST if authority else HOST
    place = f"host={host} port={port} dbname={DATABASE} user={ROLE} password={password} connect_timeout=5 {check}"

    def attempt() -> None:
        with connect(place, autocommit=True) as connection:
            connection.execute("SELECT 1")

    return attempt


def asyncpg(port: int, password: str, authority: str | None) -> Callable[[], object]:
    """Use the driver that is written in C."""
    from asyncpg import connect  # noqa: PLC0415

    loop = asyncio.new_event_loop()
    context = ssl.create_default_context(cafile=authority) if authority else False
    host = TLS_HOST if authority else HOST

    async def once() -> None:
        connection = await connect(
            host=host, port=port, user=ROLE, password=password, database=DATABASE, ssl=context, timeout=5
        )
        await connection.execute("SELECT 1")
        await connection.close()

    return lambda: loop.run_until_complete(once())


def floor(port: int, password: str, authority: str | None) -> Callable[[], object]:
    """Send what a probe sends through a bare socket, with the password salted once: nothing can take less."""
    from heartline.probe.fingerprint import fingerprint_queries  # noqa: PLC0415

    context = ssl.create_default_context(cafile=authority) if authority else None
    parameters = {"user": ROLE, "database": DATABASE, "application_name": "heartline", "client_encoding": "UTF8"}
    body = struct.pack("!i", 196608) + b"".join(f"{key}\0{value}\0".encode() for key, value in parameters.items())
    startup = struct.pack("!i", len(body) + 5) + body + b"\0"
    question = _message(b"Q", fingerprint_queries({"server_version": "18.0"})[0].encode() + b"\0")
    salted: dict[bytes, tuple[bytes, bytes]] = {}

    def attempt() -> None:
        with socket.create_connection((TLS_HOST if context else HOST, port), 5) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock: socket.socket = plain
            if context:
                plain.sendall(struct.pack("!ii", 8, 80877103))
                plain.recv(1)
                sock = context.wrap_socket(plain, server_hostname=TLS_HOST)
            sock.sendall(startup)
            _log_in(sock, password, salted)
            sock.sendall(question)
            while not sock.recv(1 << 14).endswith(b"Z\0\0\0\x05I"):
                pass
            sock.sendall(_message(b"X"))
            sock.close()

    return attempt


def _log_in(sock: socket.socket, password: str, salted: dict[bytes, tuple[bytes, bytes]]) -> None:
    """Go through SCRAM-SHA-256 (RFC 7677) with the least that satisfies a server."""
    sock.recv(1 << 14)
    nonce = b64encode(os.urandom(18)).decode()
    bare = f"n=,r={nonce}"
    first = f"n,,{bare}".encode()
    sock.sendall(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
    server = sock.recv(1 << 14)[9:]
    both, salt, rounds = (part[2:] for part in server.split(b","))
    if salt not in salted:
        key = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(rounds))
        client = hmac.digest(key, b"Client Key", "sha256")
        salted[salt] = client, hashlib.sha256(client).digest()
    client, stored = salted[salt]
    without_proof = b"c=biws,r=" + both
    signature = hmac.digest(stored, bare.encode() + b"," + server + b"," + without_proof, "sha256")
    proof = (int.from_bytes(client, "big") ^ int.from_bytes(signature, "big")).to_bytes(32, "big")
    sock.sendall(_message(b"p", without_proof + b",p=" + b64encode(proof)))
    while not sock.recv(1 << 14).endswith(b"Z\0\0\0\x05I"):
        pass


def _message(kind: bytes, payload: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(payload) + 4) + payload


CONTESTANTS: dict[str, Callable[[int, str, str | None], Any]] = {
    "heartline": heartline,
    "pg8000": pg8000,
    "psycopg": psycopg,
    "asyncpg": asyncpg,
    "floor": floor,
}


def main() -> None:
    """Make as many attempts as each line says, and answer with what they took."""
    name, port, password, authority = sys.argv[1:]
    attempt = CONTESTANTS[name](int(port), password, authority or None)
    for line in sys.stdin:
        times, threads = map(int, line.split())
        processor, clock = process_time(), perf_counter()
        if threads == 1:
            for _ in range(times):
                attempt()
        else:
            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(attempt) for _ in range(times)]:
                    done.result()
        answer = [process_time() - processor, perf_counter() - clock]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
