"""The language in which experiments are filtered: `model:gru status:failed length>100`.

Parts side by side must all hold; `and`, `or`, `not` and parentheses say it otherwise. A part is a
text, which is searched for in every field that holds words, or a field, an operator and a value:

- `:` the field's words contain the value; of a number, a duration or a date the same as `=`,
- `=`, `!=` it is the value, or it is not,
- `<`, `<=`, `>`, `>=` for numbers, `duration` (`90s`, `5min`, `2h`, `3d`) and `started`, where a
  date (`2026-11-22`) is the whole day.

Quotes hold blanks together. Upper and lower case are alike. A field that an experiment does not
have, such as a setting of another task, is unequal to everything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from experiments.errors import RequestError

WORDS = ("name", "status", "task", "model", "best")
"""Fields that hold words; a text that names no field is searched for in all of them."""
NUMBERS = ("seeds", "trials", "completed", "progress", "value")
FACTS = (*WORDS, *NUMBERS, "duration", "started")
"""What every experiment has besides its settings."""

Values = Mapping[str, Any]
"""What is known of an experiment, by field: words, numbers, seconds, several words in a tuple."""

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_VALUE = r'"[^"]*"|[^\s()"]+'
_PART = re.compile(
    rf"""(?P<bracket>[()])
    | (?P<field>[A-Za-z_][\w.]*)\s*(?P<operator>:|!=|<=|>=|=|<|>)\s*(?P<value>{_VALUE})?
    | (?P<text>{_VALUE})""",
    re.VERBOSE,
)
_QUOTED = re.compile(r"[\s():=<>!]|^(and|or|not|)$", re.IGNORECASE)


class QueryError(RequestError):
    """A filter that cannot be read; `position` is where, counted from 0."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"{problem} (at character {position + 1})")
        self.position = position


@dataclass(frozen=True)
class Contains:
    """A text in any field that holds words."""

    text: str

    def matches(self, values: Values) -> bool:
        """Whether some field contains it."""
        return any(_contains(values.get(field), self.text) for field in WORDS)

    def __str__(self) -> str:
        return _quoted(self.text)


@dataclass(frozen=True)
class Compares:
    """A field beside a value."""

    field: str
    operator: str
    text: str

    def matches(self, values: Values) -> bool:
        """Whether the field is as the operator says."""
        found = values.get(self.field)
        span = _span(self.field, self.text)
        if self.operator not in _ORDERS:
            same = _equals(found, self.text, span)
            if self.operator == ":":
                return same or _contains(found, self.text)
            return same == (self.operator == "=")
        if span is None or not _is_number(found):
            return False
        number, (low, high) = float(found), span
        return {
            "<": number < low,
            "<=": number <= high,
            ">": number > high,
            ">=": number >= low,
        }[self.operator]

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{_quoted(self.text)}"


@dataclass(frozen=True)
class Not:
    """The contrary of a query."""

    query: Query

    def matches(self, values: Values) -> bool:
        """Whether the query does not."""
        return not self.query.matches(values)

    def __str__(self) -> str:
        return f"not {_bracketed(self.query)}"


@dataclass(frozen=True)
class All:
    """Several queries at once; none of them is a query that everything matches."""

    queries: tuple[Query, ...] = ()

    def matches(self, values: Values) -> bool:
        """Whether every query does."""
        return all(query.matches(values) for query in self.queries)

    def __str__(self) -> str:
        return " ".join(map(_bracketed, self.queries))


@dataclass(frozen=True)
class Either:
    """One of several queries."""

    queries: tuple[Query, ...]

    def matches(self, values: Values) -> bool:
        """Whether some query does."""
        return any(query.matches(values) for query in self.queries)

    def __str__(self) -> str:
        return " or ".join(map(_bracketed, self.queries))


Query = Contains | Compares | Not | All | Either
_ORDERS = ("<", "<=", ">", ">=")


def parse(text: str, settings: Collection[str] = ()) -> Query:
    """The query that `text` says, with `settings` as fields besides `FACTS`.

    Raises `QueryError` where it cannot be read.
    """
    parser = _Parser(text, settings)
    query = parser.either()
    parser.end()
    return query


class _Parser:
    """Goes through the parts of a text from left to right."""

    def __init__(self, text: str, settings: Collection[str]) -> None:
        self._text = text
        self._fields = [*FACTS, *settings]
        self._at = 0
        self._part: re.Match[str] | None = None
        self._next()

    def _next(self) -> None:
        rest = re.compile(r"\s*").match(self._text, self._at)
        self._at = rest.end() if rest else self._at
        self._part = _PART.match(self._text, self._at)
        if self._part is None and self._at < len(self._text):
            raise QueryError("The quote is not closed", self._at)

    def _skip(self, part: re.Match[str]) -> str:
        """Go on behind a part; what it says."""
        self._at = part.end()
        self._next()
        return part[0].lower()

    def _is(self, *words: str) -> bool:
        return self._part is not None and self._part[0].lower() in words

    def either(self) -> Query:
        queries = [self._all()]
        while self._part is not None and self._is("or"):
            queries.append(self._all(after=self._skip(self._part)))
        return queries[0] if len(queries) == 1 else Either(tuple(queries))

    def _all(self, after: str = "") -> Query:
        queries: list[Query] = []
        while self._part is not None and not self._is("or", ")"):
            if self._is("and") and queries:
                after = self._skip(self._part)
                continue
            queries.append(self._single(self._part))
            after = ""
        if after or (not queries and self._is("or")):
            place = f"after {after}" if after else "before or"
            raise QueryError(f"Expected something {place}", self._at)
        return queries[0] if len(queries) == 1 else All(tuple(queries))

    def _single(self, part: re.Match[str]) -> Query:
        word = self._skip(part)
        if word == "(":
            query = self.either()
            if self._part is None or not self._is(")"):
                raise QueryError("The parenthesis is not closed", part.start())
            self._skip(self._part)
            return query
        if word == "and":
            raise QueryError("Expected something before and", part.start())
        if word == "not":
            if self._part is None or self._is("or", "and", ")"):
                raise QueryError("Expected something after not", self._at)
            return Not(self._single(self._part))
        if part["field"] is None:
            return Contains(part["text"].strip('"'))
        return self._comparison(part)

    def _comparison(self, part: re.Match[str]) -> Query:
        field, sign = part["field"].lower(), part["operator"]
        if field not in self._fields:
            near = difflib.get_close_matches(field, self._fields, n=1, cutoff=0.5)
            known = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(self._fields)}."
            raise QueryError(f"There is no field {field}. {known}", part.start("field"))
        if part["value"] is None:
            raise QueryError(f"Expected a value after {field}{sign}", part.end())
        text = part["value"].strip('"')
        if field in WORDS:
            if sign in _ORDERS:
                raise QueryError(f"{field} holds words: use : or =", part.start("operator"))
        elif (field in FACTS or sign in _ORDERS) and _span(field, text) is None:
            kinds = {
                "duration": "a duration, such as 90s, 5min, 2h or 3d",
                "started": "a date, such as 2026-11-22",
            }
            kind = kinds.get(field, "a number")
            raise QueryError(f"{field}: expected {kind}. Received: {text}", part.start("value"))
        return Compares(field, sign, text)

    def end(self) -> None:
        if self._part is not None:
            raise QueryError("There is no parenthesis to close", self._at)


def _span(field: str, text: str) -> tuple[float, float] | None:
    """The lowest and the highest number that a value means; `None` where it is no number."""
    if field == "started":
        try:
            day = datetime.fromisoformat(text)
        except ValueError:
            return None
        first = day.timestamp()
        if len(text) > len("2026-11-22"):
            return first, first
        # To the last moment that a clock could show before the next day.
        return first, (day + timedelta(days=1)).timestamp() - 1e-6
    unit = 1
    if field == "duration":
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit, text = _UNITS.get(text[len(number) :] or "s", 0), number
    try:
        value = float(text) * unit
    except ValueError:
        return None
    return (value, value) if unit and value == value else None


def _equals(found: Any, text: str, span: tuple[float, float] | None) -> bool:
    if isinstance(found, tuple | list):
        return any(_equals(one, text, span) for one in found)
    if _is_number(found):
        return span is not None and span[0] <= found <= span[1]
    return found is not None and str(found).lower() == text.lower()


def _contains(found: Any, text: str) -> bool:
    if isinstance(found, tuple | list):
        return any(_contains(one, text) for one in found)
    return isinstance(found, str) and text.lower() in found.lower()


def _is_number(found: Any) -> TypeGuard[float]:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _bracketed(query: Query) -> str:
    return f"({query})" if isinstance(query, All | Either) else str(query)


def _quoted(text: str) -> str:
    return f'"{text}"' if _QUOTED.search(text) else text
