"""HTML says what the text says, in colours that can be read and never say anything alone; nothing in it is remote."""

from __future__ import annotations

import re

import pytest

from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import Message
from heartline.messages.html import as_html
from heartline.messages.markup import flow
from heartline.messages.plain_text import as_text
from local.gallery import mails
from unit.colours import Look, contrast, faint, looks
from unit.conftest import declared, page, shown, squeezed

GALLERY = {f"{code}-{name}": message for code in LANGUAGES for name, message in mails(code)}
every_mail = pytest.mark.parametrize("message", GALLERY.values(), ids=GALLERY.keys())
HEADS = {
    "down": "#b3170d",
    "misconfigured": "#a14700",
    "flapping": "#7a5200",
    "notice": "#1f5a99",
    "up": "#1a7a3c",
    "test": "#54606c",
}


@every_mail
def test_a_page_loads_nothing_and_leads_to_the_console_alone(message: Message) -> None:
    html = as_html(message).replace('href="https://eu-west-1.console.aws.amazon.com/', "")
    for remote in ("http:", "https:", "url(", "src=", "href=", "@import", "@font-face", "expression(", "javascript:"):
        assert remote not in html


@every_mail
def test_a_page_is_in_its_readers_language_and_fits_a_phone(message: Message) -> None:
    html = page(as_html(message))
    assert html.get("lang") == message.language.code
    metas = {one.get("name"): one.get("content") for one in html.iter("meta")}
    assert metas["viewport"] == "width=device-width,initial-scale=1"
    assert metas["color-scheme"] == "light dark"
    assert "width:100%;max-width:600px" in as_html(message)


@every_mail
def test_text_and_html_carry_the_same_facts(message: Message) -> None:
    text, html = squeezed(as_text(message)), squeezed(shown(as_html(message)))
    report = message.report
    facts = [message.title, message.when, *message.sentences, report.label, report.name, report.when, report.headline]
    facts += [report.first_step, *report.sentences, *(part for row in report.rows for part in row)]
    facts += [f"{bar.name}{bar.time}{bar.note}" for bar in report.phase_bars]
    facts += [part for one in message.table for part in (one.name, one.label, one.gist, one.since)]
    facts += [message.language.text("footer.signed"), report.timeline.share if report.timeline else ""]
    if message.omitted:
        facts += [message.language.text("sentence.rest", number=message.omitted), str(message.omitted)]
    for fact in map(squeezed, facts):
        assert fact in text
        assert fact in html


@every_mail
def test_facts_stand_in_the_same_order_in_text_and_html(message: Message) -> None:
    report = message.report
    facts = [*message.sentences, report.headline, report.first_step, *report.sentences]
    facts += [value for _, value in report.rows]
    for written in (squeezed(as_text(message)), squeezed(shown(as_html(message)))):
        place = 0
        for fact in facts:
            place = written.index(squeezed(fact), place)


@every_mail
def test_a_page_begins_with_state_name_and_why_since_when_in_the_state_s_colour(message: Message) -> None:
    html = page(as_html(message))
    head = next(one for one in html.iter("td") if one.find("h1") is not None)
    said = [squeezed("".join(one.itertext())) for one in head]
    assert said == [squeezed(one) for one in (message.report.label, message.title, message.when)]
    assert head.get("bgcolor") == HEADS[message.status]
    assert [one.tag for one in html.iter() if one.tag in {"h1", "h2"}] == ["h1", "h2"][: 2 if message.table else 1]


@every_mail
def test_the_list_of_mails_shows_what_is_wrong_after_the_subject(message: Message) -> None:
    body = page(as_html(message)).find("body")
    assert body is not None
    assert declared(body[0].get("style", "")).items() >= {"display": "none", "mso-hide": "all"}.items()
    assert body[0].text == (message.sentences[-1] if message.table and message.sentences else message.report.headline)


@every_mail
def test_the_page_with_the_buttons_is_led_to_by_one_that_a_thumb_can_hit(message: Message) -> None:
    ((label, url),) = message.report.dashboard
    buttons = [one for one in page(as_html(message)).iter("a") if one.get("href") == url]
    assert [squeezed(one.text or "") for one in buttons] == [squeezed(label)]
    look = declared(buttons[0].get("style", ""))
    assert (look["display"], look["padding"], look["line-height"]) == ("block", "10px 16px", "20px")


@every_mail
def test_what_is_coloured_says_in_words_or_signs_what_its_colour_says(message: Message) -> None:
    report, cells = message.report, list(page(as_html(message)).iter("td"))
    signs = {("#93d3ab", "\xa0"): ".", ("#b3170d", "\xd7"): "#", ("#f5f7fa", "?"): "?"}
    drawn = [signs[key] for one in cells if (key := (one.get("bgcolor", ""), one.text or "")) in signs]
    assert drawn == ([sign for _, sign in report.timeline.hours] if report.timeline else [])
    segments = [one for one in cells if one.get("width") == "20%"]
    assert len(segments) == len(report.phase_bars)
    for segment, bar in zip(segments, report.phase_bars, strict=True):
        assert (segment.get("bgcolor") == HEADS[message.status]) == bar.failed
        assert squeezed("".join(segment.itertext())) == squeezed(f"{bar.name}{bar.time}{bar.note}")


def test_the_hours_stand_under_their_cells() -> None:
    rows = list(page(as_html(GALLERY["en-down"])).iter("tr"))
    hours = next(row for row in rows if len(row) == 24)
    labels = rows[rows.index(hours) + 1]
    assert [(one.text, one.get("colspan")) for one in labels] == [
        *(("04", "2"), ("06", "6"), ("12", "6"), ("18", "6"), ("00", "4"))
    ]


def test_the_contrast_of_black_and_white_is_21() -> None:
    assert contrast(Look("#000000", "#ffffff")) == pytest.approx(21)
    assert contrast(Look("#777777", "#ffffff")) == pytest.approx(4.478, abs=0.001)


@every_mail
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_that_is_written_can_be_read_on_what_is_behind_it(message: Message, dark: bool) -> None:
    assert faint(as_html(message), dark=dark) == {}


@every_mail
def test_at_night_no_ground_but_a_state_s_and_a_mark_s_is_that_of_the_day(message: Message) -> None:
    day = {look.back for _, look in looks(as_html(message), dark=False)}
    dark = {look.back for _, look in looks(as_html(message), dark=True)}
    assert day & dark <= {*HEADS.values(), "#93d3ab", "#0a5fb4"}


def test_colours_are_the_same_in_every_language() -> None:
    def colours(message: Message) -> list[str]:
        return sorted(set(re.findall(r"#[0-9a-f]{6}\b", as_html(message))))

    for name, message in GALLERY.items():
        if name.startswith("en-"):
            assert colours(message) == colours(GALLERY[f"ko-{name[3:]}"])


TIME = '<span style="white-space:nowrap">{}</span>'
HOST = "orders.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com"
BROKEN = (
    f"orders.<wbr>{TIME.format('cluster-c7tj4exampleab.')}<wbr>{TIME.format('eu-west-1.')}<wbr>rds.<wbr>"
    "amazonaws.<wbr>com"
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("as short as words are", "as short as words are"),
        ("<b> & \"c\" 'd'", "&lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;"),
        ("at 2026-11-23 03:10:02 UTC.", f"at {TIME.format('2026-11-23&#160;03:10:02&#160;UTC')}."),
        ("03:10 UTC+0545", TIME.format("03:10&#160;UTC+0545")),
        ("12:10 KST (03:10 UTC)", f"{TIME.format('12:10&#160;KST')} ({TIME.format('03:10&#160;UTC')})"),
        (HOST, BROKEN),
        (f"{HOST}에서", f"{BROKEN}에서"),
        ("A" * 40, f"{'A' * 16}<wbr>{'A' * 16}<wbr>{'A' * 8}"),
        ("orders-20261123T031102Z", "orders-20261123T031102Z"),
        ("warehouse-20261123T031102Z", "warehouse-<wbr>20261123T031102Z"),
        (f"{'&' * 30}", f"{'&amp;' * 16}<wbr>{'&amp;' * 14}"),
    ],
)
def test_lines_break_where_a_reader_would_break_them(text: str, html: str) -> None:
    assert flow(text) == html
