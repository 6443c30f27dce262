"""Carry out what an operator asks for: status, probe, test-alert, mute, unmute, acknowledge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from heartline.aws.log import Event
from heartline.commands.change import change
from heartline.commands.select import select, select_one, suggest
from heartline.commands.status import failure_entry, overview
from heartline.common import fields
from heartline.common.deadline import Deadline
from heartline.common.text import sanitize
from heartline.config.discover import EXAMPLE
from heartline.messages.context import TargetAlerts
from heartline.model.alert import EMAIL, Alert
from heartline.model.errors import CommandError
from heartline.model.kinds import AlertKind
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Target
from heartline.notify.batches import Batch
from heartline.prober.check import probe_once
from heartline.rules.reminders import reminded_of
from heartline.services import Services

# SES's limit for one mail: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
_MOST_TO = 50
_MUTE_BOUNDS = (60, 30 * 86400)
# Each takes up to 2 KB of the 6 MB that Lambda can answer:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_SHOWN = 2500

Command = Callable[[Services, Mapping[str, Any], Deadline], dict[str, Any]]


def run_command(services: Services, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Carry out one command.

    Parameters
    ----------
    services
        The services.
    event
        The command and its fields.
    deadline
        When the run must be over.

    Returns
    -------
    dict
        The command's answer; for a mistake in it `error`, what is wrong and what would be right, and `known`, the words
        that would be right in its place. Then nothing has changed.
    """
    try:
        return _command(event)(services, event, deadline)
    except CommandError as error:
        services.log.info(Event.COMMAND_REFUSED, str(error))
        return {"error": str(error), "known": list(error.known)}


def _command(event: Mapping[str, Any]) -> Command:
    name = event["command"]
    if not isinstance(name, str) or name not in COMMANDS:
        raise CommandError(
            f'unknown command: {suggest(name, COMMANDS)}known are {", ".join(COMMANDS)}, as in {{"command": "status"}}',
            tuple(COMMANDS),
        )
    command, fields = COMMANDS[name]
    if unknown := event.keys() - {"command"} - fields:
        takes = f"it takes {', '.join(sorted(fields))}" if fields else "it takes none"
        shown = sanitize(str(min(unknown, key=str)), 40)
        raise CommandError(f'{name}: unknown field "{shown}": {suggest(shown, fields)}{takes}', sorted(fields))
    return command


def _status(services: Services, event: Mapping[str, Any], _: Deadline) -> dict[str, Any]:
    targets = services.settings.targets
    if not event.keys().isdisjoint(_WHICH):
        targets = select(event, targets).targets
    if len(targets) > _MOST_SHOWN:
        raise CommandError(f"status: more than {_MOST_SHOWN} targets do not fit into an answer: name target or tags")
    return overview(services, targets)


def observe(services: Services, event: Mapping[str, Any], deadline: Deadline) -> tuple[Target, Observation]:
    """Return the target that the command `probe` names, and what one probe of it sees.

    Raises
    ------
    CommandError
        If there is no such target, or no time.
    ProberError
        If the prober could not be reached.
    """
    target = select_one(event, services.settings.targets)
    seen = probe_once(services.prober, target, deadline)
    if seen is None:
        raise CommandError(f"probe: there was no time to probe {target.name}: try again")
    return target, seen


def _probe(services: Services, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    target, seen = observe(services, event, deadline)
    return {
        "target": target.name,
        "healthy": seen.healthy,
        "failure": failure_entry(seen.failure),
        "phases": {phase.value: spent for phase, spent in seen.phases.items()},
    }


def _test_alert(services: Services, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Send a test by the real channels, past the outbox: the answer goes to who asked."""
    now = services.clock()
    if "target" in event:
        target = select_one(event, services.settings.targets)
    else:
        discover, targets = services.settings.discover, services.settings.targets
        # While nothing is found, it goes to those who will be notified of that.
        found = discover.target(EXAMPLE, []) if discover else None
        readers = (found,) if found and not targets else targets
        everybody = dict.fromkeys(who for target in readers for who in target.recipients)
        target = replace(readers[0], name="heartline", recipients=tuple(everybody))
    alert = Alert(f"test-{now:%Y%m%dT%H%M%SZ}", AlertKind.TEST, target.name, now)
    parts, context = (TargetAlerts(target, (alert,)),), services.alert_context()
    slices = [target.recipients[at : at + _MOST_TO] for at in range(0, len(target.recipients), _MOST_TO)]
    answer: dict[str, Any] = {"recipients": list(target.recipients), "channels": {}}
    for channel in services.channels():
        called = slices if channel.name == EMAIL else slices[:1]
        refusals = [(channel.send(Batch(parts, to), context, now), to) for to in called]
        refusal, to = next((one for one in refusals if one[0]), (None, ()))
        answer["channels"][channel.name] = refusal.reason if refusal else "accepted"
        if refusal:
            words = channel.explain(refusal, to, services.settings.region)
            answer.setdefault("explained", {})[channel.name] = words
    services.receipts().keep_all(deadline)
    return answer


def _mute(services: Services, event: Mapping[str, Any], _: Deadline) -> dict[str, Any]:
    chosen = select(event, services.settings.targets)
    reason = event.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise CommandError('mute: field "reason": give a text, or leave it out')
    try:
        length = fields.duration(event.get("for"), *_MUTE_BOUNDS)
    except ValueError as fix:
        raise CommandError(f'mute: field "for": {fix}', ("15m", "2h", "1d")) from None
    until = services.clock() + length
    said = sanitize(reason) if reason else None
    return change(services, chosen, lambda state: replace(state, muted_until=until, mute_reason=said))


def _unmute(services: Services, event: Mapping[str, Any], _: Deadline) -> dict[str, Any]:
    chosen = select(event, services.settings.targets)
    return change(services, chosen, lambda state: replace(state, muted_until=None, mute_reason=None))


def _acknowledge(services: Services, event: Mapping[str, Any], _: Deadline) -> dict[str, Any]:
    def acknowledged(state: State) -> State:
        if state.belief is None:
            raise CommandError(
                f"acknowledge: {state.target} is {state.status}: only what an alert was sent of has reminders to stop"
            )
        return replace(state, belief=replace(state.belief, acknowledged=reminded_of(state)))

    return change(services, select(event, services.settings.targets), acknowledged)


# The fields that say which targets are meant.
_WHICH = frozenset({"target", "tags"})
COMMANDS: Mapping[str, tuple[Command, frozenset[str]]] = {
    "status": (_status, _WHICH),
    "probe": (_probe, frozenset({"target"})),
    "test-alert": (_test_alert, frozenset({"target"})),
    "mute": (_mute, _WHICH | {"for", "reason"}),
    "unmute": (_unmute, _WHICH),
    "acknowledge": (_acknowledge, _WHICH),
}
