"""What a server says is read in the encoding that it says it in, or not at all."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.peers import HOST, hangs_up, message, says
from local.postgres import Postgres
from local.programs import installed
from local.stack import ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartline.model.observation import Failure, Observation
    from integration.conftest import Prober, Serve

LOCALE = "ko_KR.euckr"
PASSWORD = "secret"


@pytest.fixture(scope="module")
def korean_locale() -> Iterator[dict[str, str]]:
    """Make the locale in which old Korean servers speak; Debian has it in source only."""
    if shutil.which("localedef") is None:
        pytest.skip("this machine cannot make locales: it has no localedef")
    # Not below pytest's own folder, which it closes to the server's account whenever another run begins.
    with TemporaryDirectory(prefix="heartline-locales-") as made_in:
        folder = Path(made_in) / LOCALE
        made = subprocess.run(
            ["localedef", "-f", "EUC-KR", "-i", "ko_KR", folder], capture_output=True, timeout=60, check=False
        )
        if not folder.is_dir():
            pytest.skip(
                f"this machine has no source of the Korean locale: {made.stderr.decode(errors='replace')[-100:]}"
            )
        for path in (folder.parent, folder, *folder.rglob("*")):
            path.chmod(0o755)  # the server's account reads it
        yield {"LOCPATH": made_in, "LC_ALL": LOCALE}


@pytest.fixture(scope="module")
def korean(korean_locale: dict[str, str]) -> Iterator[Postgres]:
    """Yield a server whose databases are encoded in EUC_KR, and which speaks Korean in EUC-KR."""
    programs = installed()
    if programs is None:
        pytest.skip("this machine has no PostgreSQL of its own; the bundled one speaks English only")
    with Postgres(programs=programs, encoding="EUC_KR", environment=korean_locale) as server:
        server.execute(f"ALTER SYSTEM SET lc_messages = '{LOCALE}'")
        server.restart()
        server.create_role(ROLE, PASSWORD)
        server.execute('CREATE TABLE "주문" ("번호" int); GRANT SELECT ON "주문" TO PUBLIC')
        yield server


def see(server: Postgres, *, query: str | None = None, **differing: str) -> Observation:
    place = Endpoint(HOST, server.port, differing.get("database", "postgres"), ROLE)
    credential = Credential(place, differing.get("password", PASSWORD))
    return probe(Target("korean", tls=Tls.DISABLE, query=query), credential, Deadline.after(5))


def failure(seen: Observation) -> Failure:
    assert seen.failure is not None
    return seen.failure


def test_a_query_with_korean_names(korean: Postgres) -> None:
    assert see(korean, query='SELECT "번호" FROM "주문"').healthy


def test_what_a_korean_server_says_before_the_login(korean: Postgres) -> None:
    refused = failure(see(korean, password="wrong"))
    assert (refused.kind, refused.sqlstate) == (Kind.AUTH, "28P01")
    assert refused.said == f'사용자 "{ROLE}"의 password 인증을 실패했습니다'


def test_what_a_korean_server_says_of_a_name_in_utf_8(korean: Postgres) -> None:
    """The name comes back as it was sent, amid text in EUC-KR: together they are in no encoding."""
    refused = failure(see(korean, database="주문"))
    assert (refused.kind, refused.sqlstate, refused.said) == (Kind.NO_DATABASE, "3D000", None)


def test_what_a_korean_server_says_after_the_login(korean: Postgres) -> None:
    refused = failure(see(korean, query='SELECT "없음" FROM "주문"'))
    assert (refused.phase, refused.sqlstate) == (Phase.QUERY, "42703")
    assert refused.said == '"없음" 이름의 칼럼은 없습니다'


def refuses(said: bytes) -> bytes:
    return message(b"E", b"SFATAL\0VFATAL\0C28000\0M" + said + b"\0\0")


READ = {
    "euc_kr": "역할이 로그인할 수 없습니다",
    "euc_jp": 'ロール"x"はログインが許可されません',
    "koi8_r": "для роли x вход запрещён",
    "cp1251": 'роли "x" заборонено входити',
    "iso8859_5": "для роли x вход запрещён",
    "latin1": "Rolle »x« hat keine Berechtigung für die Verbindung",
    "iso8859_9": 'veritaban\u0131 "x" mevcut de\u011fil',
    "gb2312": '不允许角色 "x" 进行登录',
}


@pytest.mark.parametrize("encoding", READ)
def test_words_in_any_encoding(prober: Prober, serve: Serve, encoding: str) -> None:
    """As PostgreSQL's translations have it: role "x" is not permitted to log in."""
    port = serve(says(refuses(READ[encoding].encode(encoding)), hangs_up)).port
    assert failure(prober(port=port, timeout=5)).said == READ[encoding]


# Of languages whose encodings share their bytes with others.
OF_OTHERS = [
    'rola "x" nie może się zalogować'.encode("iso8859_2"),
    'roli "x" není dovoleno se přihlásit'.encode("iso8859_2"),
]


@pytest.mark.parametrize("said", [b"\xff\xfe\x80\x81", b"\xb0", bytes(range(0x80, 0x100)), *OF_OTHERS])
def test_words_that_cannot_be_read_are_not_shown(prober: Prober, serve: Serve, said: bytes) -> None:
    seen = failure(prober(port=serve(says(refuses(said), hangs_up)).port, timeout=5))
    assert (seen.kind, seen.sqlstate, seen.said) == (Kind.AUTH, "28000", None)
