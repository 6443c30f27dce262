"""What a mail says of one target, before it is rendered as text or HTML."""

from __future__ import annotations

from heartline.common.frozen import frozen
from heartline.messages.details import Rows
from heartline.messages.phase_bars import PhaseBar
from heartline.messages.subjects import subject
from heartline.messages.timeline import Timeline
from heartline.model.alert import Alert


@frozen
class Report:
    """What a mail says of one target, before it is rendered as text or HTML.

    Attributes
    ----------
    alert
        The latest alert that it reports.
    label
        The state, in capitals.
    status
        The value of X-Heartline-Status.
    headline
        What is wrong or has happened, in a sentence.
    gist, since
        The same in a few words, and since when it is so, or when it happened.
    when
        Both, as one line.
    details
        What the subject's bracket may say, the longest first.
    title
        Whom it is about; empty where that is the target.
    topic
        The rest of the subject, the same in each mail of the thread.
    late
        How late it is; empty where it is in time.
    first_step
        What to do first; empty where there is nothing to do.
    sentences
        What else is to be known.
    rows
        Pairs of a label and a value.
    phase_bars
        How long each phase of the probe took; empty where there was no probe.
    timeline
        The last 24 hours; None where the history is not known.
    dashboard, links
        Pairs of a label and a URL: the page with the buttons, and what else may help.
    commands
        Pairs of a label and a command to paste into a shell.
    """

    alert: Alert
    label: str
    status: str
    headline: str
    gist: str
    since: str
    details: tuple[str, ...] = ()
    title: str = ""
    topic: str = ""
    when: str = ""
    late: str = ""
    first_step: str = ""
    sentences: tuple[str, ...] = ()
    rows: Rows = ()
    phase_bars: tuple[PhaseBar, ...] = ()
    timeline: Timeline | None = None
    dashboard: Rows = ()
    links: Rows = ()
    commands: Rows = ()

    @property
    def name(self) -> str:
        """Whom it is about."""
        return self.title or self.alert.target

    @property
    def subject(self) -> str:
        """The subject of a mail about this target alone."""
        return subject((*self.details, self.label), self.name, self.topic)
