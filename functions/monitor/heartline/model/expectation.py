"""What the result of a target's own query must be."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from heartline.common.frozen import frozen

_MAX_OPERAND = 512
_WRITTEN = re.compile(r"\s*(<=|>=|!=|=|<|>)?\s*(.*\S)\s*", re.DOTALL)
# Short enough to be compared in no time, whoever sent it.
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_ROWS = re.compile(r"\d{1,6}", re.ASCII)


class Operator(StrEnum):
    """How a value is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@frozen
class Expectation:
    """An operator, and what stands to its right; equality is that of texts, order that of numbers."""

    operator: Operator
    operand: str

    def __str__(self) -> str:
        """Return it as the document has it."""
        return f"{self.operator} {self.operand}"

    def holds(self, value: str | None) -> bool:
        """Return True if a value is as expected; NULL, and what is missing, never is."""
        if value is None:
            return False
        if self.operator in {Operator.EQUAL, Operator.UNEQUAL}:
            return (value == self.operand) is (self.operator is Operator.EQUAL)
        if not _NUMBER.fullmatch(value):
            return False
        found, limit = Decimal(value), Decimal(self.operand)
        return {
            Operator.LESS: found < limit,
            Operator.AT_MOST: found <= limit,
            Operator.MORE: found > limit,
            Operator.AT_LEAST: found >= limit,
        }[self.operator]


def expected_value(value: object) -> Expectation:
    """Read what a value must be, like "ok", "!= failed" or "< 300"; without an operator it is "=".

    Raises
    ------
    ValueError
        When it is nothing like that; the text is the fix.
    """
    read = _WRITTEN.fullmatch(value) if isinstance(value, str) and value.isprintable() else None
    if read is None or len(read[2]) > _MAX_OPERAND:
        raise ValueError('give a text, like "ok", or an operator (= != < <= > >=) before it, like "< 300"')
    operator = Operator(read[1] or "=")
    if operator not in {Operator.EQUAL, Operator.UNEQUAL} and not _NUMBER.fullmatch(read[2]):
        raise ValueError(f'give a number after {operator}, like "{operator} 300"')
    return Expectation(operator, read[2])


def expected_rows(value: object) -> Expectation:
    """Read how many rows there must be, like ">= 1" or "0".

    Raises
    ------
    ValueError
        When it is nothing like that; the text is the fix.
    """
    read = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if read is None or not _ROWS.fullmatch(read[2]):
        raise ValueError('give a number of rows with an operator (= != < <= > >=) before it, like ">= 1"')
    return Expectation(Operator(read[1] or "="), str(int(read[2])))
