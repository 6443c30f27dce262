"""Save what was decided of a target, and which channels its alerts wait for."""

from __future__ import annotations

from dataclasses import replace

from heartline.model.alert import EMAIL, TOPIC, Alert
from heartline.model.state import Stored
from heartline.rules.decide import Decision
from heartline.services import Services


def save_decision(services: Services, before: Stored, decision: Decision) -> tuple[bool, tuple[Alert, ...]]:
    """Save a decision with its alerts; return False if another run was faster, and the alerts as they wait.

    Raises
    ------
    ClientError, BotoCoreError
        If it could not be saved.
    """
    channels = (EMAIL, TOPIC) if services.settings.topic else (EMAIL,)
    alerts = tuple(replace(alert, waiting=channels) for alert in decision.alerts)
    return services.store.save(before, decision.state, alerts, decision.ended), alerts
