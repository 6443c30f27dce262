"""Fetch a bundle of root certificates, and keep it only if it is one: `make rds-ca`."""

from __future__ import annotations

import ssl
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

SECONDS = 30
MOST_BYTES = 4 << 20


def main() -> int:
    """Fetch the first argument, an https URL, into the second, a file; give the exit status."""
    url, kept = sys.argv[1], Path(sys.argv[2])
    fetched = kept.with_suffix(".new")
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310, the Makefile's own https URL
            fetched.write_bytes(answer.read(MOST_BYTES))
        ends = authorities(fetched)
        fetched.replace(kept)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{kept} is unchanged: {error}\n")
        return 1
    finally:
        fetched.unlink(missing_ok=True)
    sys.stdout.write(f"{kept}: {len(ends)} authorities, the first of them until {min(ends):%Y-%m-%d}\n")
    return 0


def authorities(bundle: Path) -> list[datetime]:
    """Return the end of each authority in a PEM file.

    Raises
    ------
    ssl.SSLError, ValueError
        When it holds none, or something else as well.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    shown = context.get_ca_certs()
    if len(shown) != bundle.read_bytes().count(b"-----BEGIN "):
        raise ValueError("it holds something else than certificates of authorities")
    return [datetime.fromtimestamp(ssl.cert_time_to_seconds(str(one["notAfter"])), UTC) for one in shown]


if __name__ == "__main__":
    sys.exit(main())
