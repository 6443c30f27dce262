"""The template as it is written and as SAM translates it, with parameters or without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from template.reading import Stack, accepts, read, translate


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return read()


@pytest.fixture(scope="session")
def translated(template: dict[str, Any]) -> dict[str, Any]:
    """Return what SAM hands on to CloudFormation."""
    with pytest.MonkeyPatch.context() as patch:
        # SAM's translator asks boto3 for a region, to tell AWS's partitions apart.
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        return translate(template)


@pytest.fixture(scope="session", name="accepts")
def _accepts(template: dict[str, Any]) -> Callable[[str, str], bool]:
    """Return True if CloudFormation would take a value for a parameter."""
    return lambda name, value: accepts(template["Parameters"][name], value)


@pytest.fixture(scope="session")
def stack(template: dict[str, Any]) -> Callable[..., Stack]:
    """Make the stack that CloudFormation would, for what is given."""
    return lambda **given: Stack(template, given)


@pytest.fixture(scope="session")
def deployed(translated: dict[str, Any]) -> Callable[..., Stack]:
    """Make the stack that CloudFormation would of the translation, for what is given."""
    return lambda **given: Stack(translated, given)
