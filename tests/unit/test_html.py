"""HTML says what the text says, in colours that can be read and never say anything alone; nothing in it is remote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import pytest

from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import Message
from heartline.messages.html import as_html
from heartline.messages.plain_text import as_text
from local.gallery import mails
from unit.conftest import page, shown, squeezed

GALLERY = {f"{code}-{name}": message for code in LANGUAGES for name, message in mails(code)}
TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "table",
    "tr",
    "td",
    "div",
    "h1",
    "h2",
    "p",
    "ul",
    "li",
    "pre",
    "span",
    "a",
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "style", "class", "role", "cellpadding", "cellspacing", "border"),
    *("width", "align", "valign", "bgcolor", "href"),
}
every_mail = pytest.mark.parametrize("message", GALLERY.values(), ids=GALLERY.keys())
# https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
TEXT, DRAWING = 4.5, 3.0


@every_mail
def test_a_page_is_well_formed_and_has_only_what_mail_programs_show(message: Message) -> None:
    elements = list(page(as_html(message)).iter())
    assert {one.tag for one in elements} <= TAGS
    assert {name for one in elements for name in one.attrib} <= ATTRIBUTES


@every_mail
def test_a_page_loads_nothing_and_leads_to_the_console_alone(message: Message) -> None:
    html = as_html(message)
    html = html.replace('href="https://eu-west-1.console.aws.amazon.com/', "")
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
    assert all(one.get("role") == "presentation" for one in html.iter("table"))


@every_mail
def test_text_and_html_carry_the_same_facts(message: Message) -> None:
    text, html = squeezed(as_text(message)), shown(as_html(message))
    facts = [*message.sentences, *message.more_subjects]
    if message.omitted:
        facts += [message.language.text("sentence.rest", number=message.omitted), str(message.omitted)]
    for report in message.reports:
        facts += [report.headline, *report.sentences, report.timeline]
        facts += [part for row in (*report.rows, *report.commands) for part in row]
        for bar in report.phase_bars:
            facts += [f"{bar.name}{'' if bar.spent is None else f'{bar.spent:.1f} ms'}", bar.note]
    for fact in map(squeezed, facts):
        assert fact in text
        assert fact in html
    assert squeezed(message.language.text("footer.signed")) in text
    assert squeezed(message.language.text("footer.signed")) in html


@every_mail
def test_facts_stand_in_the_same_order_in_text_and_html(message: Message) -> None:
    for report in message.reports:
        facts = [report.headline, *report.sentences, *(value for _, value in report.rows)]
        facts += [command for _, command in report.commands]
        for written in (squeezed(as_text(message)), shown(as_html(message))):
            place = written.index(squeezed(facts[0]))
            for fact in facts[1:]:
                place = written.index(squeezed(fact), place)


@every_mail
def test_each_report_has_a_heading_and_its_label_in_words(message: Message) -> None:
    html = page(as_html(message))
    titles = {level: ["".join(one.itertext()) for one in html.iter(level)] for level in ("h1", "h2")}
    headlines = [one.headline for one in message.reports]
    alone = {"h1": headlines, "h2": []}
    assert titles == (alone if len(headlines) == 1 else {"h1": [message.subject], "h2": headlines})
    labels = [one.text for one in html.iter("p") if set(one.get("class", "").split()) & set(STATES)]
    assert labels == [one.label for one in message.reports]


STATES = {"down": "#a3211a", "up": "#1b6e3c", "note": "#3a4a5c", "warn": "#8a5a00"}


@every_mail
def test_what_is_coloured_says_in_words_or_signs_what_its_colour_says(message: Message) -> None:
    html = page(as_html(message))
    signs = {"bad": {"#", "\xa0"}, "bar": {"\xa0"}, "cell": {".", "?"}}
    for one in html.iter("td"):
        name = one.get("class")
        if name in signs:
            assert "".join(one.itertext()) in signs[name]
    failed = [bar for report in message.reports for bar in report.phase_bars if bar.failed and bar.spent is not None]
    drawn = [one for one in html.iter("td") if one.get("class") == "bad" and "".join(one.itertext()) == "\xa0"]
    assert len(drawn) == len(failed)
    assert all(bar.note for bar in failed)


@every_mail
def test_an_hour_that_was_down_and_one_that_was_not_watched_differ_from_one_that_was_up(message: Message) -> None:
    looks: dict[str, set[tuple[str | None, str | None]]] = {}
    for one in page(as_html(message)).iter("td"):
        if one.text in {"#", "?", "."}:
            looks.setdefault(one.text, set()).add((one.get("class"), one.get("bgcolor")))
    assert all(len(look) == 1 for look in looks.values())
    assert len({next(iter(look)) for look in looks.values()}) == len(looks)


def test_each_status_has_its_colour() -> None:
    colours = {
        "en-down": "down",
        "en-cannot-log-in": "down",
        "en-recovered": "up",
        "en-stable-again": "up",
        "en-flapping": "warn",
        "en-test": "note",
    }
    for name, state in colours.items():
        html = as_html(GALLERY[name])
        assert (
            f'<p class="{state}" style="margin:0 0 4px;font-size:13px;font-weight:bold;color:{STATES[state]}">' in html
        )


@dataclass(frozen=True)
class Look:
    """Hold the colours in which an element is seen, inherited ones too."""

    front: str
    back: str


def declared(style: str) -> dict[str, str]:
    pairs = (one.split(":", 1) for one in style.replace("!important", "").split(";") if ":" in one)
    return {name.strip(): value.strip() for name, value in pairs}


def night(html: str) -> list[tuple[str, dict[str, str]]]:
    """Read the rules of the dark style, in the order of their weight."""
    style = html[html.index("<style>") : html.index("</style>")]
    block = style[style.index("@media (prefers-color-scheme:dark){") :].split("{", 1)[1]
    rules = [(one, body) for many, body in re.findall(r"([^{}]+)\{([^{}]*)\}", block) for one in many.split(",")]
    assert all("!important" in part for _, body in rules for part in body.split(";"))
    return sorted(((one, declared(body)) for one, body in rules), key=lambda rule: (rule[0].count("."), " " in rule[0]))


def fits(selector: str, element: Element, *, inside: bool) -> bool:
    above, _, last = selector.rpartition(" ")
    assert above in {"", ".page"}
    names = element.get("class", "").split()
    return (not above or inside) and (last[1:] in names if last.startswith(".") else last == element.tag)


def looks(html: str, *, dark: bool) -> Iterator[tuple[Element, Look]]:
    """Return each element of the body with its colours, by the cascade of style sheets."""
    rules = night(html) if dark else []

    def walk(element: Element, above: Look, *, inside: bool) -> Iterator[tuple[Element, Look]]:
        own = declared(element.get("style", ""))
        for selector, body in rules:
            if fits(selector, element, inside=inside):
                own |= body
        look = Look(own.get("color", above.front), own.get("background", above.back))
        yield element, look
        for child in element:
            yield from walk(child, look, inside=inside or "page" in element.get("class", "").split())

    body = page(html).find("body")
    assert body is not None
    yield from walk(body, Look("", ""), inside=False)


def contrast(look: Look) -> float:
    """Compare two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        assert re.fullmatch(r"#[0-9a-f]{6}", colour), colour
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dim = sorted((luminance(look.front), luminance(look.back)), reverse=True)
    return (light + 0.05) / (dim + 0.05)


def test_the_contrast_of_black_and_white_is_21() -> None:
    assert contrast(Look("#000000", "#ffffff")) == pytest.approx(21)
    assert contrast(Look("#777777", "#ffffff")) == pytest.approx(4.478, abs=0.001)


@every_mail
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_that_is_written_can_be_read_on_what_is_behind_it(message: Message, dark: bool) -> None:
    faint = {
        (look, element.get("class")): contrast(look)
        for element, look in looks(as_html(message), dark=dark)
        if (element.text or "").strip() and contrast(look) < TEXT
    }
    assert faint == {}


@every_mail
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_bar_stands_out_from_what_is_behind_it(message: Message, dark: bool) -> None:
    seen = list(looks(as_html(message), dark=dark))
    behind = next(look.back for element, look in seen if element.tag == "body")
    bars = {look.back for element, look in seen if element.get("class") in {"bar", "bad"}}
    assert all(contrast(Look(bar, behind)) >= DRAWING for bar in bars)


@every_mail
def test_at_night_nothing_keeps_the_colours_of_the_day(message: Message) -> None:
    day = [look for _, look in looks(as_html(message), dark=False)]
    dark = [look for _, look in looks(as_html(message), dark=True)]
    assert not {one.back for one in day} & {one.back for one in dark}
    assert not {one.front for one in day} & {one.front for one in dark} - {"#ffffff", "#1f2328"}


def test_a_background_is_told_twice_for_mail_programs_that_know_only_one_way() -> None:
    for message in GALLERY.values():
        for one in page(as_html(message)).iter("td"):
            assert declared(one.get("style", "")).get("background") == one.get("bgcolor")


def test_colours_are_the_same_in_every_language() -> None:
    def colours(message: Message) -> Mapping[str, int]:
        found = re.findall(r"#[0-9a-f]{6}\b", as_html(message))
        return {colour: found.count(colour) for colour in found}

    for name, message in GALLERY.items():
        if name.startswith("en-"):
            assert colours(message) == colours(GALLERY[f"ko-{name[3:]}"])
