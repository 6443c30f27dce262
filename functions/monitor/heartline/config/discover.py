"""Parse `[discover]` of the targets document: how the databases are watched that RDS lists with a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from heartline.common import fields
from heartline.common.text import sanitize
from heartline.config.target_keys import COMMON_READERS, Reader
from heartline.config.targets import make_target, read_keys, read_tables
from heartline.model.errors import ConfigurationError
from heartline.model.rds import Found, RdsKind
from heartline.model.target import Target

# A secret of this name is the one that RDS manages for each database.
_MANAGED = "rds!"
_TAG = "heartline"
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-\d", re.ASCII)
# What a tag's value may say of its database; any other word is a group of recipients.
_OPTIONS = frozenset({"tls", "expect", "user", "recipients"})
_ON, _OFF = frozenset({"yes", "true", "on"}), frozenset({"no", "false", "off"})
# No identifier of RDS has a dot: so these names differ from each other, and from that of an instance.
_SUFFIXES = {RdsKind.CLUSTER: ".writer", RdsKind.READER: ".reader", RdsKind.PROXY: ".proxy"}
# A database that anybody may have.
EXAMPLE = Found(RdsKind.INSTANCE, "example", "", "example", 5432, secret="heartline")  # noqa: S106 - a name
_MAX_NAME = 64
_DIGEST_BYTES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Discover:
    """Make targets of what RDS lists.

    Attributes
    ----------
    tag, regions
        What carries the tag in these regions is watched.
    home
        The region whose name is left out of targets' names.
    keys
        The keys of all that is found, read.
    groups
        Lists of recipients that a tag's value can name.
    granted
        The one user that the function may log in as by IAM; None where that is not known.
    most
        How many targets there may be in all.
    """

    tag: str
    regions: tuple[str, ...]
    home: str
    keys: Mapping[str, object]
    groups: Mapping[str, tuple[str, ...]]
    granted: str | None
    most: int

    def targets(self, listed: Sequence[Target], found: Iterable[Found]) -> tuple[list[Target], list[str]]:
        """Return the targets of what is found, and what is wrong with the tags; what the document lists comes first."""
        names, hosts = {target.name for target in listed}, {(target.host or "").lower() for target in listed}
        faults: list[str] = []
        made = (self.target(one, faults) for one in found)
        targets = [one for one in made if one and one.name not in names and str(one.host).lower() not in hosts]
        if len(listed) + len(targets) > self.most:
            faults.append(
                f"{len(listed) + len(targets)} targets: {self.most} is the most: those beyond are not watched"
            )
        return targets[: self.most - len(listed)], faults

    def target(self, found: Found, faults: list[str]) -> Target | None:
        """Return the target; if its tag's value is wrong, without what that says, and the faults are added."""
        wrong: list[str] = []
        options = self._options(found, wrong)
        target = None if wrong else self._made(found, options, wrong)
        faults += wrong
        return self._made(found, {}, []) if wrong else target

    def wanted(self, found: Iterable[Found]) -> list[Found]:
        """Return what is to be watched, without what its targets are made without: all of that is kept."""
        wanted = (one for one in found if one.tag.strip().lower() not in _OFF)
        managed = self.keys.get("secret") == _MANAGED
        return [one if managed else replace(one, secret=None) for one in wanted]

    def _options(self, found: Found, faults: list[str]) -> dict[str, object]:
        """Return the keys that a tag's value gives."""
        options: dict[str, object] = {}
        recipients: list[str] = []
        for word in found.tag.split():
            key, given, value = word.partition("=")
            group = value if given else word
            if key in _OPTIONS - {"recipients"} and given:
                options[key] = value
            elif group in self.groups and (key == "recipients" or not given):
                recipients += self.groups[group]
            elif key == "recipients" and given:
                recipients.append(value)
            elif given or word.lower() not in _ON:
                known = ", ".join((*sorted(_OPTIONS), *self.groups))
                faults.append(f'tag of "{found.identifier}": unknown "{sanitize(key, 40)}": known are {known}')
        return options | ({"recipients": recipients} if recipients else {})

    def _made(self, found: Found, options: Mapping[str, object], faults: list[str]) -> Target | None:
        table: dict[str, object] = {"name": name_of(found, self.home), "host": found.host, "port": found.port}
        defaults = {key: value for key, value in self.keys.items() if key not in {"secret", "auth"}}
        secret = self.keys.get("secret")
        if secret == _MANAGED and not found.secret:
            faults.append(f'"{found.identifier}": RDS manages no secret of it')
            return None
        if secret:
            table["secret"] = (
                found.secret if secret == _MANAGED else str(secret).replace("{identifier}", found.identifier)
            )
        else:
            table["auth"] = "iam"
            defaults = ({"user": self.granted} if self.granted else {}) | defaults
        target = make_target(defaults, {**table, **options}, 0, faults)
        if target and target.iam and self.granted is not None and target.user != self.granted:
            faults.append(f'target "{target.name}": the function may log in by IAM as DatabaseUser alone')
            return None
        return target and replace(target, discovered=True)


def name_of(found: Found, home: str) -> str:
    """Return the name of the target: always the same, and no other's."""
    suffix = _SUFFIXES.get(found.kind, "") + ("" if found.region == home else f".{found.region}")
    if len(found.identifier) + len(suffix) <= _MAX_NAME:
        return found.identifier + suffix
    digest = blake2b(found.identifier.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{found.identifier[: _MAX_NAME - len(suffix) - len(digest) - 1]}.{digest}{suffix}"


def parse_discover(document: str, common: Mapping[str, object], home: str, granted: str | None, most: int) -> Discover:
    """Return what a document says of discovery; nothing is enough.

    Parameters
    ----------
    document
        The text.
    common
        The recipients of targets that name none, and how often ticks come.
    home, granted, most
        See Discover.

    Raises
    ------
    ConfigurationError
        With every fault of `[discover]`, and of what it would make of a database.
    """
    faults: list[str] = []
    tables = read_tables(document)
    given = tables.get("discover", {})
    keys = read_keys(given, "[discover]", _READERS, faults)
    defaults = read_keys(tables.get("defaults", {}), "[defaults]", COMMON_READERS, [])
    if "auth" in keys:
        defaults.pop("secret", None)
    if "regions" not in keys and not _REGION.fullmatch(home):
        faults.append('[discover]: key "regions" is missing: the function does not know its own')
    if faults:
        raise ConfigurationError(faults)
    tag, regions, groups = (
        keys.pop(key, other) for key, other in (("tag", _TAG), ("regions", (home,)), ("groups", {}))
    )
    discover = Discover(tag, regions, home, {**common, **defaults, **keys}, groups, granted, most)  # type: ignore[arg-type]
    discover.target(EXAMPLE, faults)
    if faults:
        raise ConfigurationError(
            [fault.replace(f'target "{EXAMPLE.identifier}', '[discover]: "{identifier}') for fault in faults]
        )
    return discover


def _tag(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 128 or not value.isprintable():
        raise ValueError('give the key of a tag, like "heartline"')
    return value


def _regions(value: object) -> tuple[str, ...]:
    regions = value if isinstance(value, list) else []
    if not regions or not all(isinstance(one, str) and _REGION.fullmatch(one) for one in regions):
        raise ValueError('give a list of regions, like ["eu-west-1"]')
    return tuple(dict.fromkeys(regions))


def _groups(value: object) -> dict[str, tuple[str, ...]]:
    try:
        return {fields.name(name): fields.addresses(who) for name, who in value.items()}  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        raise ValueError('give lists of addresses by name, like { payments = ["dba@example.com"] }') from None


_READERS: Mapping[str, Reader] = {
    **{key: reader for key, reader in COMMON_READERS.items() if key != "port"},
    "tag": _tag,
    "regions": _regions,
    "groups": _groups,
}
