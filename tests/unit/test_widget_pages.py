"""The widget's pages say what is so, the worst first, and nothing from outside is markup in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from heartline.commands.view import Fleet, Standing, TargetView
from heartline.commands.widget.asked import Asked
from heartline.commands.widget.fleet_page import PAGE, fleet_page, listed
from heartline.commands.widget.incident_page import incident_page
from heartline.commands.widget.viewer import Viewer
from heartline.common.text import sanitize
from heartline.i18n.language import LANGUAGES, language
from heartline.messages.wording import Wording
from heartline.model.condition import Condition, ConditionKind
from heartline.model.incident import Incident, Outage, Span
from heartline.model.kinds import Kind, Phase
from heartline.model.latencies import Trend, sample
from heartline.model.state import State
from heartline.model.target import Policy, Target
from local.fleets import HOUR, NOW, TICK, fleet, healthy, unreached, wrong
from local.gallery import DAY, HOSTILE, MINUTE
from local.pages import ARN, actions, banner, fragment, names, said, text
from unit.samples import failure

# What the pages are made of; nothing else may come from anywhere.
TAGS = {
    *("div", "style", "span", "b", "i", "p", "h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"),
    *("svg", "title", "rect", "path", "button", "input", "form", "cwdb-action"),
}
ATTRIBUTES = {
    *("class", "style", "role", "scope", "colspan", "title", "type", "name", "value", "placeholder", "aria-label"),
    *("d", "fill", "stroke", "stroke-linecap", "vector-effect"),
    *("viewBox", "preserveAspectRatio", "x", "y", "width", "height", "hidden", "disabled"),
    *("action", "display", "endpoint", "confirmation"),
}
WIDTHS = (300, 588, 700, 1200, 1600)


def viewer(code: str = "en", **differing: object) -> Viewer:
    kept = {"zone": timezone(timedelta(hours=9)), "zone_name": "UTC+09:00", "endpoint": ARN}
    return Viewer(Wording(language(code)), **(kept | differing))  # type: ignore[arg-type]


def shown(known: Fleet, asked: Asked | None = None, looking: Viewer | None = None) -> str:
    asked = asked or Asked()
    return fleet_page(known, listed(known, asked), asked, looking or viewer())


def pages(known: Fleet, **differing: object) -> Iterator[str]:
    """Yield the list, and each target's page."""
    looking = viewer(**differing)  # type: ignore[arg-type]
    yield shown(known, looking=looking)
    for view in known.targets:
        yield incident_page(known, view, Asked(target=view.name), looking)


def hostile() -> TargetView:
    """Return a target all of whose texts are hostile, its name too, which the configuration would refuse."""
    name = "<script>alert('x')</script>\" onclick=\"alert(1)"
    wicked = replace(failure(Kind.SATURATED), cause=HOSTILE, next_step=HOSTILE, said=HOSTILE, advice=None)
    incident = Incident(name, NOW - HOUR, NOW - HOUR - MINUTE, NOW, kinds=(Kind.SATURATED,))
    state = State(
        name,
        first_seen=NOW - DAY,
        up_since=NOW - DAY,
        outage=Outage(incident, wicked),
        muted_until=NOW + HOUR,
        mute_reason=HOSTILE,
    )
    return TargetView(Target(name), NOW, state, incidents=())


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_from_outside_is_markup(code: str, width: int) -> None:
    unreadable = replace(healthy("stock", code), unreadable=HOSTILE)
    known = unreached(replace(fleet(60), targets=(hostile(), unreadable, *fleet(60).targets)))
    for page in (*pages(known, code=code, width=width), shown(known, Asked(find=sanitize(HOSTILE)))):
        for element in fragment(page).iter():
            assert element.tag in TAGS
            assert element.attrib.keys() <= ATTRIBUTES


def test_what_a_server_said_is_shown_as_it_was_said() -> None:
    page = incident_page(fleet(1), hostile(), Asked(), viewer())
    assert "FATAL: <script>alert('x')</script> <b>bold</b> &amp; \"quoted\"" in said(page)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_button_calls_this_function_and_what_changes_something_is_confirmed(code: str, width: int) -> None:
    for page in (*pages(fleet(60, code), code=code, width=width), *pages(replace(fleet(1), targets=(hostile(),)))):
        for button, action in actions(page):
            assert (button.tag, button.get("type")) == ("button", "button")
            assert (action.get("action"), action.get("endpoint")) == ("call", ARN)
            ordered = "command" in json.loads(text(action))
            assert ordered == (action.get("display") == "popup") == bool(action.get("confirmation"))


def ordered(view: TargetView, width: float = 1200) -> list[dict[str, str]]:
    page = shown(Fleet(NOW, MINUTE, TICK, (view,)), looking=viewer(width=width))
    asked = [json.loads(text(action)) for _, action in actions(page)]
    return [one for one in asked if "command" in one]


@pytest.mark.parametrize("width", [330, 700, 1200])
def test_a_target_that_is_down_can_be_acknowledged_once_and_muted_and_probed(width: int) -> None:
    is_down, acknowledged, *_ = wrong("en")
    mute = {"command": "mute", "target": "orders", "for": "2h"}
    probe = {"command": "probe", "target": "orders"}
    assert ordered(is_down, width) == [{"command": "acknowledge", "target": "orders"}, mute, probe]
    assert [one["command"] for one in ordered(acknowledged, width)] == ["mute", "probe"]


def test_what_is_muted_can_be_unmuted() -> None:
    muted = replace(healthy("stock", "en"), state=replace(healthy("stock", "en").state, muted_until=NOW + HOUR))
    assert ordered(muted) == [{"command": "unmute", "target": "stock"}, {"command": "probe", "target": "stock"}]
    over = replace(muted, at=NOW + 2 * HOUR)
    assert [one["command"] for one in ordered(over)] == ["mute", "probe"]


def standing(*standings: Standing) -> Fleet:
    """Return a fleet whose targets stand like this."""
    down, _, locked, flapping, _, unseen = wrong("en")
    views = {
        Standing.DOWN: down,
        Standing.MISCONFIGURED: locked,
        Standing.UNREADABLE: replace(healthy("stock", "en"), unreadable="it is damaged"),
        Standing.FLAPPING: flapping,
        Standing.UNKNOWN: unseen,
        Standing.UP: healthy("cart", "en"),
    }
    return Fleet(NOW, MINUTE, TICK, tuple(replace(views[one], pending=0) for one in standings))


@pytest.mark.parametrize(
    ("known", "said", "tone"),
    [
        (fleet(40, well=True), "All 40 up last tick 20 s ago", "up"),
        (fleet(1, well=True), "accounts is up last tick 20 s ago", "up"),
        (standing(Standing.DOWN, Standing.UP), "1 down orders 1 of 2 up last tick 20 s ago", "down"),
        (standing(Standing.MISCONFIGURED), "1 cannot log in ledger last tick 20 s ago", "locked"),
        (standing(Standing.UNREADABLE), "1 unreadable stock last tick 20 s ago", "down"),
        (standing(Standing.FLAPPING, Standing.UP), "1 flapping sessions 1 of 2 up last tick 20 s ago", "warn"),
        (standing(Standing.UNKNOWN, Standing.UP), "1 not seen yet 1 of 2 up last tick 20 s ago", "off"),
        (
            standing(Standing.MISCONFIGURED, Standing.DOWN),
            "1 down · 1 cannot log in orders last tick 20 s ago",
            "down",
        ),
        (
            replace(fleet(2, well=True), last_tick=NOW - 4 * MINUTE),
            "Heartline has not run for 4 min Check its schedule and alarms. What follows was so then: All 2 up.",
            "down",
        ),
        (
            replace(fleet(2, well=True), last_tick=None),
            "Heartline has not run yet Its schedule starts it within a few minutes, unless it is switched off.",
            "warn",
        ),
    ],
)
def test_the_banner_is_the_fleet_in_one_line(known: Fleet, said: str, tone: str) -> None:
    found = banner(shown(known))
    assert text(found) == said
    assert found.get("class", "").split() == ["hl-banner", f"hl-{tone}"]


@pytest.mark.parametrize(("minutes", "silent"), [(2.4, False), (2.6, True)])
@pytest.mark.parametrize("interval", [1, 5])
def test_a_tick_that_is_still_running_is_no_silence(interval: int, minutes: float, silent: bool) -> None:
    known = replace(fleet(1), interval=interval * MINUTE, last_tick=NOW - interval * minutes * MINUTE)
    assert ("has not run" in text(banner(shown(known)))) == silent


def test_what_is_muted_or_waits_is_counted() -> None:
    said = text(banner(shown(fleet(40))))
    assert "1 muted" in said
    assert "alerts not delivered yet: 1" in said


def test_what_needs_somebody_comes_first_and_each_target_once() -> None:
    listing = names(shown(fleet(40)))
    assert listing[:5] == ["orders", "checkout", "ledger", "sessions", "taxes"]
    assert listing[5] == "reports", "what is muted is not to be forgotten"
    assert listing[6:] == sorted(listing[6:])
    assert sorted(listing) == sorted(view.name for view in fleet(40).targets)


def test_the_pages_hold_each_target_once() -> None:
    known = fleet(400)
    turned = [names(shown(known, Asked(page=number))) for number in range(1, 9)]
    assert {len(one) for one in turned} == {PAGE}
    assert sorted(name for one in turned for name in one) == sorted(view.name for view in known.targets)
    assert turned[0][0] == "orders"


@pytest.mark.parametrize(("number", "turns"), [(1, [2]), (4, [3, 5]), (8, [7]), (99, [7])])
def test_the_pages_can_be_turned(number: int, turns: list[int]) -> None:
    page = shown(fleet(400), Asked(page=number, find="a"))
    asked = [json.loads(text(action)) for _, action in actions(page)]
    assert 350 < len([view for view in fleet(400).targets if "a" in view.name]) <= 400
    assert [one["page"] for one in asked if "page" in one] == turns
    assert {one["find"] for one in asked if "page" in one} == {"a"}


def test_a_list_can_be_narrowed_by_name() -> None:
    assert names(shown(fleet(400), Asked(find="ORD"))) == ["orders"]
    none = shown(fleet(400), Asked(find="zzz"))
    assert names(none) == []
    assert 'No database has "zzz" in its name.' in said(none)


def test_a_condition_is_said_and_counted_and_comes_before_what_is_well() -> None:
    held = Condition(ConditionKind.FILLING, NOW - HOUR, 90.0, 85.0, level=1, notified=1)
    over = replace(held, kind=ConditionKind.LAGGING, level=0)
    known = fleet(5)
    last = replace(known.targets[-1], state=replace(known.targets[-1].state, conditions=(held, over)))
    page = shown(replace(known, targets=(*known.targets[:-1], last)))
    assert names(page)[0] == last.name
    assert said(page).count("connection slots run out") == 1
    assert "standby lags" not in said(page)
    assert "1 with a warning" in text(banner(page))


def line(page: str) -> tuple[str, str]:
    """Return what a page's line of latencies says, and how it is drawn."""
    (svg,) = (one for one in fragment(page).iter("svg") if "hl-trend" in one.get("class", ""))
    (path,) = svg.iter("path")
    return svg.get("aria-label", ""), path.get("d", "")


def test_the_last_days_are_a_line_that_breaks_where_nothing_is_known() -> None:
    fast, slow = sample({Phase.LOGIN: 10.0}), sample({Phase.LOGIN: 20.0})
    trend = Trend((*[fast] * 8, *[""] * 8, *[slow] * 4))
    view = replace(healthy("stock", "en"), trend=trend)
    label, path = line(shown(replace(fleet(1), targets=(view,)), looking=viewer(width=1600)))
    assert label == "The last 7 days, hour by hour: at most 20 ms"
    # An hour is a unit wide, and the newest is at the right end, at 168; the highest is at the top.
    assert path == "M148 20L152 20M164 0L164 0"
    assert line(incident_page(fleet(1), view, Asked(), viewer()))[1].count("L") == 7 + 3


def test_a_target_s_page_has_the_medians_and_suggests_when_to_warn() -> None:
    phases = {Phase.RESOLVE: 1.0, Phase.LOGIN: 97.0}
    trend = Trend(tuple([sample(phases)] * 100 + [sample({**phases, Phase.LOGIN: 300.0})] * 24))
    view = replace(healthy("stock", "en"), trend=trend)
    page = said(incident_page(fleet(1), view, Asked(), viewer()))
    assert re.search(r"Median of the last 24 hours: 30\d ms \(resolve 1\.0, login (29|30)\d\.\d\)", page)
    assert re.search(r"Median of the days before: (97|98|99) ms \(resolve 1\.0, login (96|97)\.\d\)", page)
    assert "set slow_after = 0.5 for it" in page
    policy = Policy(slow_after=timedelta(seconds=1))
    warned = replace(view, target=replace(view.target, policy=policy))
    assert "slow_after" not in said(incident_page(fleet(1), warned, Asked(), viewer()))


def worst(number: int) -> Fleet:
    """Return a fleet all of which is down with the longest texts there are."""
    told = sanitize(HOSTILE, 500)
    broken = replace(failure(Kind.SATURATED), cause=told, next_step=told, said=told, advice=None)
    views = []
    for place in range(number):
        name = f"{place:03d}-{'x' * 60}"
        past = tuple(
            Incident(f"{name}-{hour}", NOW - hour * HOUR, ended=NOW - hour * HOUR + MINUTE, kinds=tuple(Kind))
            for hour in range(100, 0, -1)
        )
        open_now = Incident(name, NOW - MINUTE, NOW - 2 * MINUTE, kinds=(Kind.SATURATED,))
        state = State(name, first_seen=NOW - 40 * DAY, up_since=NOW - DAY, outage=Outage(open_now, broken))
        views.append(TargetView(Target(name), NOW, state, 9, TICK, incidents=past, complete=False))
    return Fleet(NOW, MINUTE, TICK, tuple(views))


@pytest.mark.parametrize("width", [300, 1600])
def test_the_largest_page_is_far_below_what_a_function_can_answer(width: int) -> None:
    # Lambda answers 6 MB at most: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    known = worst(400)
    for page in (shown(known, looking=viewer(width=width)), incident_page(known, known.targets[0], Asked(), viewer())):
        assert len(page.encode()) < 512 * 1024
    assert len(shown(fleet(400), looking=viewer(width=width)).encode()) < 128 * 1024


def strip(
    *incidents: Incident, gaps: tuple[Span, ...] = (), first_seen_hours: float = 1000
) -> list[tuple[str, float, float]]:
    """Return the marks of a target's line as their class, and where they begin and end, in hours before now."""
    state = State("stock", first_seen=NOW - first_seen_hours * HOUR, up_since=NOW - 100 * HOUR)
    view = TargetView(Target("stock"), NOW, state, incidents=incidents, gaps=gaps)
    boxes = fragment(shown(Fleet(NOW, MINUTE, TICK, (view,)))).iter("rect")
    marks = []
    for box in boxes:
        left, wide = float(box.attrib["x"]), float(box.attrib["width"])
        marks.append((box.attrib["class"], round(24 - left / 12, 2), round(24 - (left + wide) / 12, 2)))
    return marks


WELL = ("hl-up", 24, 0)


def over(hours: float, length: timedelta) -> Incident:
    return Incident(f"stock-{hours}", NOW - hours * HOUR, ended=NOW - hours * HOUR + length)


def test_the_line_shows_when_it_was_down_and_when_nobody_looked() -> None:
    assert strip() == [WELL]
    assert strip(over(12, 6 * HOUR)) == [WELL, ("hl-down", 12, 6)]
    assert strip(over(30, 7 * HOUR)) == [WELL, ("hl-down", 24, 23)]
    assert strip(over(30, HOUR)) == [WELL]
    assert strip(gaps=(Span(NOW - 5 * HOUR, NOW - 4 * HOUR),)) == [WELL, ("hl-off", 5, 4)]
    assert strip(first_seen_hours=6) == [WELL, ("hl-off", 24, 6)]


def test_a_moment_of_the_line_can_be_seen_and_stays_in_it() -> None:
    (_, (_, begins, ends)) = strip(over(12, timedelta(seconds=1)))
    assert begins == 12
    assert begins - ends >= 0.25
    (_, (_, begins, ends)) = strip(over(0.01, 20 * timedelta(seconds=1)))
    assert ends == 0
    assert strip(over(0.01, timedelta(seconds=20)), first_seen_hours=0.1)[-1] == ("hl-down", 0.25, 0)
    assert strip(over(3, timedelta())) == [WELL], "what happened between two good probes was no outage"


def test_availability_is_never_made_better_than_it_was() -> None:
    view = replace(healthy("stock", "en"), incidents=(over(12, timedelta(seconds=1)),))
    assert "99.99%" in said(shown(Fleet(NOW, MINUTE, TICK, (view,))))


def test_availability_is_left_out_where_the_past_was_not_read() -> None:
    known = worst(1)
    page = incident_page(known, known.targets[0], Asked(), viewer())
    # A minute in each of 24 hours, and one now: 25 of 1,440.
    assert "Availability: 24 hours 98.26% · 7 days - · 30 days -" in said(page)
    assert "Older ones are not shown here." in said(page)


@pytest.mark.parametrize("page", [shown(fleet(1)), shown(fleet(1), looking=viewer(dark=True))])
def test_the_console_s_own_style_is_off(page: str) -> None:
    assert "cwdb-no-default-styles" in fragment(page).get("class", "")


def test_times_are_by_the_viewers_clock() -> None:
    (down, *_) = wrong("en")
    # Fourteen minutes before 09:10 UTC.
    assert "14 min · 17:56" in said(shown(Fleet(NOW, MINUTE, TICK, (down,))))
    page = incident_page(Fleet(NOW, MINUTE, TICK, (down,)), down, Asked(), viewer())
    assert "First failed probe 2026-11-24 17:56:02 UTC+09:00" in said(page)


def test_a_target_that_ticks_passed_over_says_for_how_long() -> None:
    late = replace(healthy("stock", "en"), seen=NOW - 14 * MINUTE)
    assert "not probed for 14 min" in said(shown(Fleet(NOW, MINUTE, TICK, (late,))))
    silent = Fleet(NOW, MINUTE, NOW - 14 * MINUTE, (late,))
    assert "not probed for" not in said(shown(silent)), "nothing was probed then: the banner says so"


def test_a_past_incident_is_shown_when_it_is_asked_for() -> None:
    past = over(12, 6 * HOUR)
    view = replace(healthy("stock", "en"), incidents=(over(40, MINUTE), past))
    known = Fleet(NOW, MINUTE, TICK, (view,))
    page = incident_page(known, view, Asked(target="stock", incident=past.id), viewer())
    assert "An earlier incident" in said(page)
    assert f"Incident {past.id}" in said(page)
    asked = [json.loads(text(action)) for _, action in actions(page)]
    assert {"target": "stock", "incident": "stock-40"} in asked
    assert {} in asked, "the way back"


def test_a_target_s_page_says_whom_its_alerts_reached() -> None:
    known = fleet(40)
    view = next(view for view in known.targets if view.name == "orders")
    page = said(incident_page(known, view, Asked(target="orders"), viewer()))
    assert "DOWN · accepted by SES at 2026-11-24 17:56:02 UTC+09:00" in page
    assert "oncall@example.com: delivered · 2026-11-24 17:56:05 UTC+09:00 · 192.0.2.25" in page
    assert "dba@example.com: sent back for good" in page
    assert "Lead@example.com: accepted by SES, nothing known since" in page
    assert "Alerts by mail" not in said(incident_page(known, healthy("stock", "en"), Asked(), viewer()))


def test_who_gets_no_alerts_is_said_above_all_pages_and_a_crowd_is_counted() -> None:
    known = unreached(fleet(40))
    for page in pages(known):
        assert "Recipients who do not get their alerts: 2 dba@example.com · sent back for good · smtp; 550" in said(
            page
        )
    mark = next(iter(known.unreached.values()))
    crowd = replace(known, unreached={f"dba-{number}@example.com": mark for number in range(200)})
    assert "do not get their alerts: 200" in said(shown(crowd))
    assert said(shown(crowd)).count("user unknown") == 10
    assert "do not get" not in said(shown(fleet(40)))
