"""Read who looks at the widget: their language, clock and theme, and how much room they have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from heartline.commands.widget.html import Html, document, element, joined
from heartline.common.frozen import frozen
from heartline.i18n.language import LANGUAGES, language
from heartline.messages.wording import Wording
from heartline.model.target import Target

# Below the first width a target is a block and no row; from the second on there is room for every column.
_NARROW, _WIDE = 640, 1080
_DEFAULT_WIDTH = 1200.0
_LONG_AGO = timedelta(days=2)
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)


@frozen
class Viewer:
    """Whoever looks, and at what.

    Attributes
    ----------
    wording
        The words, in the viewer's language.
    zone
        The dashboard's zone.
    zone_name
        What that is called.
    dark
        Whether the console is.
    width
        Of the widget, in pixels.
    endpoint
        The function that the buttons call.
    """

    wording: Wording
    zone: timezone = UTC
    zone_name: str = "UTC"
    dark: bool = False
    width: float = _DEFAULT_WIDTH
    endpoint: str = ""

    @property
    def narrow(self) -> bool:
        """Return True if a target is a block and no row."""
        return self.width < _NARROW

    @property
    def wide(self) -> bool:
        """Return True if there is room for every column."""
        return self.width >= _WIDE

    def text(self, key: str, /, **words: object) -> str:
        """Return a text in the viewer's language."""
        return self.wording.text(key, **words)

    def length(self, span: timedelta) -> str:
        """Return a duration in words."""
        return self.wording.length(span)

    def clock(self, at: datetime, now: datetime) -> str:
        """Return a time as the viewer's clock shows it: the date with it, or alone if long ago."""
        local, today = at.astimezone(self.zone), now.astimezone(self.zone)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        if now - at < _LONG_AGO:
            return f"{local:%m-%d %H:%M}"
        return f"{local:%m-%d}" if local.year == today.year else f"{local:%Y-%m-%d}"

    def moment(self, at: datetime) -> str:
        """Return a time to the second, with its date and zone."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S} {self.zone_name}"

    def button(
        self,
        label: str,
        look: str,
        asked: Mapping[str, object],
        *,
        confirm: str | None = None,
        title: str | None = None,
    ) -> Html:
        """Return a button that calls the function.

        Parameters
        ----------
        label, title
            What it says, and what it says to a pointer at rest.
        look
            Its class.
        asked
            What is asked of the function.
        confirm
            What the console asks first; then the answer is shown in a popup, and not in place of the page.
        """
        # The action belongs to the element before it:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
        action = element(
            "cwdb-action",
            document(asked),
            action="call",
            display="popup" if confirm else "widget",
            endpoint=self.endpoint,
            confirmation=confirm,
        )
        return joined(element("button", label, type="button", class_=look, title=title), action)


def read_viewer(context: Mapping[str, Any], targets: Sequence[Target], endpoint: str) -> Viewer:
    """Return who looks, by the console's account, of which nothing is taken for granted.

    Parameters
    ----------
    context
        The event's `widgetContext`.
    targets
        Whose languages decide where the widget has no parameter `language`.
    endpoint
        The function's ARN.
    """
    zone = context.get("timezone")
    written = zone.get("offsetISO") if isinstance(zone, Mapping) else None
    width = context.get("width")
    read = _OFFSET.fullmatch(written) if isinstance(written, str) else None
    offset = (
        timedelta(hours=int(read[2]), minutes=int(read[3])) * (-1 if read[1] == "-" else 1) if read else timedelta()
    )
    if abs(offset) >= timedelta(days=1):
        offset = timedelta()
    return Viewer(
        Wording(language(_language(context, targets))),
        timezone(offset),
        f"UTC{written}" if offset else "UTC",
        dark=context.get("theme") == "dark",
        width=width if isinstance(width, int | float) and width > 0 else _DEFAULT_WIDTH,
        endpoint=endpoint,
    )


def _language(context: Mapping[str, Any], targets: Sequence[Target]) -> str:
    """Return the language that the widget is set to, that of the console where it is ours, or most targets'."""
    chosen = parameters(context).get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    console = str(context.get("locale")).lower()[:2]
    # English is also what people see who never chose.
    if console in LANGUAGES and console != "en":
        return console
    written = [target.language for target in targets]
    return max(sorted(set(written)), key=written.count)


def parameters(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters that the widget has in the dashboard."""
    parameters = context.get("params")
    return parameters if isinstance(parameters, Mapping) else {}
