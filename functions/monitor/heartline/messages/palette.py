"""The colours of a mail, by day and by night: those of the page in the console."""

from __future__ import annotations

from heartline.common.frozen import frozen


@frozen
class Tone:
    """The colours of a state.

    Attributes
    ----------
    name
        The class by which the night's colours are found.
    solid, tint
        The ground under white text, and that of a box; text of the first has a contrast of at least 4.5 on white and on
        the second (WCAG 2.2, 1.4.3).
    night, dark
        The box and such text by night.
    """

    name: str
    solid: str
    tint: str
    night: str
    dark: str


INK, DIM, LINE, PAGE, CARD, PANEL, LINK = "#0f141a", "#54606c", "#dbe0e6", "#eef1f4", "#ffffff", "#f5f7fa", "#0a5fb4"
# By the values of X-Heartline-Status.
TONES = {
    "down": Tone("down", "#b3170d", "#fdefed", "#3a1f24", "#ff9a90"),
    "misconfigured": Tone("locked", "#a14700", "#fdf2e7", "#38291f", "#ffb273"),
    "flapping": Tone("warn", "#7a5200", "#fdf6e0", "#332d1c", "#f0c660"),
    "notice": Tone("note", "#1f5a99", "#eaf2fb", "#1b2c40", "#7cb8ff"),
    "up": Tone("up", "#1a7a3c", "#e9f6ee", "#17302a", "#6fd394"),
    "test": Tone("off", "#54606c", "#f0f2f5", "#242e3a", "#a4b0be"),
}

# An addition for programs that have a night: without it all is as by day.
_NIGHT = {
    "page": "background:#0f141a",
    "card": "background:#161d26;color:#e6e9ee",
    "dim": "color:#a4b0be",
    "panel": "background:#1e2733;color:#a4b0be",
    "line": "border-color:#333f4d",
    "gap": "border-color:#161d26",
    "link": "color:#6cb8ff",
    **{f"tint-{one.name}": f"background:{one.night};color:#e6e9ee" for one in TONES.values()},
    **{f"ink-{one.name}": f"color:{one.dark}" for one in TONES.values()},
}
STYLE = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}@media (prefers-color-scheme:dark){"
    + "".join(f".{name}{{{rule.replace(';', '!important;')}!important}}" for name, rule in _NIGHT.items())
    + "}"
)
