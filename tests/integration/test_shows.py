"""`make preview` and `make demo` show what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from heartline.i18n.language import LANGUAGES
from local import demo, preview

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is written out of the tree."""
    monkeypatch.setattr(preview, "KEPT", tmp_path / "preview")
    return tmp_path / "preview"


def test_the_preview_shows_every_mail_in_every_language_as_html_and_text(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preview.main()
    index = (kept / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r'<iframe src="([^"]+)\.html" title=', index)
    assert {file.stem for file in kept.glob("*.txt")} == set(shown)
    assert {file.stem for file in kept.glob("*.html")} - {"index"} == set(shown)
    by_language = {code: {name[3:] for name in shown if name.startswith(f"{code}-")} for code in LANGUAGES}
    assert len(by_language) > 1
    assert len({frozenset(kinds) for kinds in by_language.values()}) == 1
    kinds = {"down", "reminder", "recovered", "flapping", "stable-again", "no-longer-watched", "test"}
    assert kinds <= by_language["en"]
    for name in shown:
        assert f'lang="{name[:2]}"' in (kept / f"{name}.html").read_text(encoding="utf-8")
        assert (kept / f"{name}.txt").stat().st_size > 100
    assert f"{len(shown)} mails are in" in capsys.readouterr().out


def test_nothing_in_the_preview_comes_from_elsewhere_or_runs(kept: Path) -> None:
    preview.main()
    for page in kept.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<script|<img|<link|\son\w+=|url\(", text, re.IGNORECASE) == []
        assert re.findall(r'\ssrc="(?:https?:)?//', text) == []


def test_the_demo_plays_to_its_end_and_keeps_its_mails() -> None:
    """With the scene in which the function is killed before it sends."""
    path = os.pathsep.join([str(ROOT / "functions" / "monitor"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    scenes = ["All is well", "SES refuses mail", "the function is killed before it sends", "The mail still comes"]
    places = [done.stdout.index(scene) for scene in scenes]
    assert places == sorted(places)
    assert re.search(r"killed after \d+ calls of AWS, with no mail sent", done.stdout)
    assert done.stdout.count("Subject: [DOWN: connection refused] demo") == 1
    assert done.stdout.count("Subject: [DOWN: outage ") == 1  # it flaps
    assert done.stdout.count("Subject: [RECOVERED after ") == 1
    assert done.stdout.count("Subject: [NOT DELIVERED] gone@example.com") == 1
    assert done.stdout.count("Subject: [NOW WATCHING] orders · ") == 1
    assert "From RDS: the storage is full." in done.stdout
    assert "All went as announced." in done.stdout
    mails = {path.name for path in demo.KEPT.iterdir()}
    assert {"1-down.eml", "1-down.html", "2-not-delivered.eml", "3-recovered.html", "console.html"} <= mails
