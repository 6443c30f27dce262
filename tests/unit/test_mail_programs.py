"""Mails are the HTML that mail programs show: strictly nested, and of nothing that Gmail or Outlook drops and we need.

What they drop is listed at https://www.caniemail.com (Gmail: webmail and apps; Outlook: that of Windows).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from heartline.i18n.language import LANGUAGES
from local.preview import rendered
from unit.conftest import declared, page
from unit.golden import KEPT

GOLDEN = {f"{file.parent.name}-{file.stem}": file.read_text(encoding="utf-8") for file in sorted(KEPT.rglob("*.html"))}
every_mail = pytest.mark.parametrize("html", GOLDEN.values(), ids=GOLDEN.keys())

# What an element may have as children, and whether text may stand in it: https://html.spec.whatwg.org, content models.
PHRASE = {"a", "b", "span", "br", "wbr"}
FLOW = PHRASE | {"table", "p", "h1", "h2", "div"}
CHILDREN = {
    "html": {"head", "body"},
    "head": {"meta", "title", "style"},
    "body": {"div", "table"},
    "table": {"tr"},
    "tr": {"td", "th"},
    "td": FLOW,
    "th": PHRASE,
    "div": PHRASE,
    **dict.fromkeys(("p", "h1", "h2", "b", "span", "a"), PHRASE),
    **{name: set() for name in ("meta", "title", "style", "br", "wbr")},
}
WORDLESS = {"html", "head", "body", "table", "tr", "meta", "br", "wbr"}
ATTRIBUTES = {
    "html": {"lang"},
    "meta": {"charset", "name", "content"},
    "table": {"role", "cellpadding", "cellspacing", "border", "width"},
    "td": {"width", "align", "valign", "bgcolor", "colspan"},
    "th": {"scope", "width", "align"},
    "a": {"href"},
}
EVERYWHERE = {"style", "class"}
BLOCKS = {"p", "h1", "h2"}
# What all of them honour, and on what.
HONOURED = {
    "background": {"body", "td", "th"},
    "border-left": {"td"},
    "border-top": {"td"},
    "border-bottom": {"td", "th"},
    "color": {"body", "div", "td", "th", "p", "b", "span", "a"},
    "display": {"div"},
    "font-family": {"body", "table"},
    "font-size": {"table", "td", "div", *BLOCKS, "a"},
    "font-weight": {"p", "th", "a"},
    "letter-spacing": {"p"},
    "line-height": {"table", "td", "div", *BLOCKS, "a"},
    "margin": {"body", *BLOCKS},
    "mso-hide": {"div"},
    "padding": {"td", "th"},
    "text-decoration": {"a"},
    "width": {"table"},
}
# What some of them drop: the mail is whole without it, a link then only has no area around its words.
DROPPED = {
    "border-radius": {"td"},
    "display": {"a"},
    "max-width": {"table"},
    "padding": {"a"},
    "table-layout": {"table"},
    "white-space": {"span", "td"},
    "word-break": {"body"},
}


def elements(html: str) -> Iterator[tuple[Element, dict[str, str]]]:
    for one in page(html).iter():
        yield one, declared(one.get("style", ""))


def test_every_mail_of_the_gallery_is_among_them() -> None:
    assert len(GOLDEN) == sum(1 for code in LANGUAGES for _ in rendered(code))


@every_mail
def test_a_page_is_strictly_what_the_standard_of_html_allows(html: str) -> None:
    for one in page(html).iter():
        assert {child.tag for child in one} <= CHILDREN[one.tag], one.tag
        if one.tag in WORDLESS:
            assert not "".join((one.text or "", *(child.tail or "" for child in one))).strip(), one.tag
        assert one.attrib.keys() <= ATTRIBUTES.get(one.tag, set()) | EVERYWHERE, one.tag
        assert all(value for value in one.attrib.values()), one.tag
    assert not re.search(r"&(?!(?:amp|lt|gt|quot|#x27|#160|#215);)", html)
    assert Counter(one.tag for one in page(html).iter())["title"] == 1


@every_mail
def test_all_rows_of_a_table_have_the_same_number_of_columns(html: str) -> None:
    for table in page(html).iter("table"):
        widths = {sum(int(cell.get("colspan", "1")) for cell in row) for row in table}
        assert len(widths) == 1


@every_mail
def test_a_table_lays_out_or_has_heads(html: str) -> None:
    for table in page(html).iter("table"):
        heads = [cell.get("scope") for row in table for cell in row if cell.tag == "th"]
        assert set(heads) == (set() if table.get("role") == "presentation" else {"col"})


@every_mail
def test_a_style_is_one_that_gmail_and_outlook_honour_or_that_can_be_spared(html: str) -> None:
    for one, style in elements(html):
        for name, value in style.items():
            assert one.tag in HONOURED.get(name, set()) | DROPPED.get(name, set()), (one.tag, name)
            assert not re.search(r"!important|calc\(|var\(|url\(|\b(em|rem|vw|vh)\b|-\d", value), (name, value)
        assert len(re.findall(r"[a-z-]+:", one.get("style", ""))) == len(style), "a property is there once"


@every_mail
def test_no_layout_hangs_on_what_is_dropped(html: str) -> None:
    for one, style in elements(html):
        if "max-width" in style:
            assert one.get("width") == "600", "Outlook takes the attribute"
        if style.get("white-space") == "nowrap":
            assert " " not in "".join(one.itertext()), "Outlook takes no-break spaces"
        if "background" in style and one.tag == "td":
            assert style["background"] == one.get("bgcolor"), "it is told twice"
        if style.get("display") == "none":
            assert style["mso-hide"] == "all"
        for margin in re.findall(r"\S+", style.get("margin", "")):
            assert re.fullmatch(r"\d+(px)?", margin), "Outlook knows neither auto nor less than nothing"


@every_mail
def test_no_word_is_wider_than_a_phone_where_nothing_breaks_it(html: str) -> None:
    """Gmail, Yahoo and Outlook do not honour overflow-wrap; a browser breaks after a hyphen."""
    assert "overflow-wrap" not in html
    assert "word-wrap" not in html
    for one in page(html).iter():
        pieces = [one.text or ""] + [child.tail or "" for child in one]
        words = [word for piece in pieces for word in re.split(r"[\s-]", piece) if one.tag not in {"title", "style"}]
        assert [word for word in words if len(word) > 32] == []


@every_mail
def test_the_style_sheet_adds_a_night_and_nothing_else(html: str) -> None:
    sheet = html[html.index("<style>") + 7 : html.index("</style>")]
    day, night = sheet.split("@media (prefers-color-scheme:dark){")
    assert day == ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    assert re.fullmatch(r"(\.[a-z-]+\{((background|color|border-color):#[0-9a-f]{6}!important;?)+\})+\}", night)
    assert len(sheet) < 8192, "Gmail drops a longer one: https://developers.google.com/workspace/gmail/design/css"
    assert {name for one, _ in elements(html) for name in one.get("class", "").split()} <= set(
        re.findall(r"\.([a-z-]+)\{", night)
    )


@every_mail
def test_a_page_is_shown_whole_by_gmail(html: str) -> None:
    assert len(html.encode()) < 102_000
