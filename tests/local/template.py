"""What the harness takes from template.yaml, so that it cannot differ."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _TemplateLoader(yaml.SafeLoader):
    """Read a template without its functions."""


_TemplateLoader.add_multi_constructor("!", lambda *_: None)


@cache
def table_properties() -> dict[str, Any]:
    """Return the state table's keys and billing mode, as CreateTable takes them."""
    template = yaml.load(TEMPLATE.read_text(), _TemplateLoader)  # noqa: S506, a subclass of SafeLoader
    properties = template["Resources"]["StateTable"]["Properties"]
    return {name: properties[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema")}
