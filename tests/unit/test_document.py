"""The public SNS document is what its JSON Schema describes, no more and no less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import heartline
from heartline.common.frozen import frozen
from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind, Kind, Phase, Severity
from heartline.model.observation import Failure
from heartline.model.target import Endpoint
from heartline.notify.document import alert_document
from local.gallery import documents
from unit.samples import CHANGES, NOW, TARGET, alert, failure

SCHEMA: dict[str, Any] = json.loads(
    (Path(heartline.__file__ or "").parents[3] / "docs" / "alert.schema.json").read_text(encoding="utf-8")
)
SAMPLES = [(f"{code}-{name}", document) for code in LANGUAGES for name, document in documents(code)]


def strict(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Close every object of the schema that subscribers must leave open for later versions."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(part) for name, part in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict):
        closed["additionalProperties"] = False
    return closed


VALIDATOR = Draft202012Validator(strict(deepcopy(SCHEMA)), format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(document: Mapping[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sample_is_what_the_schema_describes(code: str) -> None:
    wrong = {name: found for name, document in SAMPLES if name.startswith(code) and (found := faults(document))}
    assert wrong == {}


def described(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """List the paths of all fields that the schema describes."""
    if "$ref" in schema:
        yield from described(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from described(part, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], path)


def used(document: object, path: str = "") -> Iterator[str]:
    """List the paths of all fields that a document has."""
    if isinstance(document, list):
        for part in document:
            yield from used(part, path)
    if isinstance(document, dict):
        for name, part in document.items():
            yield f"{path}.{name}"
            yield from used(part, f"{path}.{name}")


def test_every_field_of_the_schema_is_in_some_sample() -> None:
    seen = {path for _, document in SAMPLES for path in used(document)}
    assert sorted(set(described(SCHEMA)) - seen) == []


def test_every_field_is_described() -> None:
    def undescribed(schema: Mapping[str, Any]) -> Iterator[str]:
        for name, part in schema.get("properties", {}).items():
            if not part.get("description"):
                yield name
            yield from undescribed(part)
        if "items" in schema:
            yield from undescribed(schema["items"])

    assert [name for part in (SCHEMA, *SCHEMA["$defs"].values()) for name in undescribed(part)] == []


def test_the_schema_lists_the_words_that_there_are() -> None:
    known = SCHEMA["$defs"]
    assert set(known["alertKind"]["enum"]) == set(AlertKind)
    assert set(known["phase"]["enum"]) == set(Phase)
    assert set(known["failureKind"]["enum"]) == set(Kind)
    assert set(known["failure"]["properties"]["severity"]["enum"]) == set(Severity)
    assert set(known["change"]["properties"]["kind"]["enum"]) == CHANGES


def test_a_subscriber_is_not_to_refuse_fields_of_a_later_version() -> None:
    document = {**SAMPLES[0][1], "of_a_later_version": 1}
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []
    assert faults(document)


def published(one: Alert) -> dict[str, Any]:
    message = compose([TargetAlerts(TARGET, (one,))], AlertContext(1), NOW)
    return alert_document(one, message, "text")


def test_what_is_heartlines_own_is_not_published() -> None:
    own = {"waiting", "refused", "advice", "words"}
    document = published(alert(AlertKind.RECOVERED, refused="Throttled"))
    assert not {path.rpartition(".")[2] for path in used(document)} & own


@frozen
class LaterAlert(Alert):
    added: str = "internal"


@frozen
class LaterFailure(Failure):
    added: str = "internal"


def test_a_field_that_the_model_gets_is_not_public_by_itself() -> None:
    def shallow(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
        return {one.name: getattr(value, one.name) for one in fields(value)}

    now = alert()
    assert now.failure
    later = LaterAlert(**{**shallow(now), "failure": LaterFailure(**shallow(now.failure))})
    assert published(later) == published(now)


def test_a_test_claims_no_endpoint() -> None:
    assert "endpoint" not in published(alert(AlertKind.TEST, endpoint=Endpoint()))


def test_what_only_the_secret_has_is_left_out_of_the_endpoint() -> None:
    unknown = failure(Kind.CREDENTIALS)
    document = published(alert(failure=unknown, endpoint=Endpoint("", 5433, "orders", "")))
    assert document["endpoint"] == {"port": 5433, "database": "orders"}
    assert faults(document) == []


def test_a_text_does_not_end_the_code_block_that_it_stands_in() -> None:
    one = alert()
    message = compose([TargetAlerts(TARGET, (one,))], AlertContext(1), NOW)
    description = alert_document(one, message, "a ``` b ```` c")["content"]["description"]
    assert description.startswith("```\n")
    assert description.endswith("\n```")
    assert "```" not in description[3:-3]
