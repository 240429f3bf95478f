from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import RequestError
from experiments.query import FACTS, All, Compares, Contains, Either, Not, QueryError, parse

SETTINGS = ("length", "budget.steps", "dialect", "tune")
NUMBERS = {"seeds": int, "length": int, "value": float, "budget.steps": int}
TEXTS = ("name", "status", "task", "best", "dialect")
DAY = time.mktime((2026, 11, 22, 0, 0, 0, 0, 0, -1))

words = st.text("abgruAB_-.:()<>= é", min_size=1, max_size=6).filter(lambda t: t.strip() == t)
numbers = st.integers(-3, 3) | st.floats(-3, 3).map(lambda x: round(x, 1))
comparisons = st.one_of(
    st.builds(Compares, st.sampled_from(TEXTS), st.sampled_from([":", "=", "!="]), words),
    st.builds(
        Compares,
        st.sampled_from(list(NUMBERS)),
        st.sampled_from([":", "=", "!=", "<", "<=", ">", ">="]),
        numbers.map(str),
    ),
    st.builds(Compares, st.just("model"), st.sampled_from([":", "=", "!="]), words),
)
queries = st.recursive(
    st.builds(Contains, words) | comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
known = st.fixed_dictionaries(
    {
        "name": words,
        "status": words,
        "task": words,
        "model": st.lists(words, max_size=3).map(tuple),
    },
    optional={
        "best": words | st.none(),
        "dialect": words,
        "seeds": st.integers(-3, 3),
        "length": st.integers(-3, 3),
        "value": numbers.map(float) | st.none(),
        "budget.steps": st.integers(-3, 3),
    },
)


def holds(query, values) -> bool:
    """What a query means, said another way."""
    if isinstance(query, Not):
        return not holds(query.query, values)
    if isinstance(query, All):
        return False not in [holds(one, values) for one in query.queries]
    if isinstance(query, Either):
        return True in [holds(one, values) for one in query.queries]
    if isinstance(query, Contains):
        fields = [values.get(field) for field in ("name", "status", "task", "best")]
        texts = [*(text for text in fields if text), *values["model"]]
        return any(query.text.lower() in text.lower() for text in texts)
    found = values.get(query.field)
    if found is None:
        return query.operator == "!="
    if query.field in NUMBERS:
        wanted = float(query.text)
        return {
            ":": found == wanted, "=": found == wanted, "!=": found != wanted,
            "<": found < wanted, "<=": found <= wanted,
            ">": found > wanted, ">=": found >= wanted,
        }[query.operator]  # fmt: skip
    texts = [text.lower() for text in (found if query.field == "model" else [found])]
    wanted_text = query.text.lower()
    if query.operator == ":":
        return any(wanted_text in text for text in texts)
    return (wanted_text in texts) == (query.operator == "=")


@given(queries)
def test_what_is_written_is_read_back(query):
    assert parse(str(query), SETTINGS) == query


@given(queries, known)
def test_it_matches_what_it_says(query, values):
    assert parse(str(query), SETTINGS).matches(values) == holds(query, values)


@given(st.text('abgru:<>=!()" ornt5', max_size=12))
def test_any_text_is_a_query_or_an_error_with_its_place(text):
    problem = None
    try:
        query = parse(text, SETTINGS)
    except QueryError as error:
        problem = error
    if problem is not None:
        assert 0 <= problem.position <= len(text)
        assert f"(at character {problem.position + 1})" in str(problem)
    else:
        again = parse(str(query), SETTINGS)
        assert again.matches({"name": text}) == query.matches({"name": text})


def test_no_filter_leaves_everything():
    assert parse("") == parse("  ") == All()
    assert All().matches({})


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a b", "a and b"),
        ("a b or c", "(a b) or c"),
        ("not a b", "(not a) b"),
        ("LENGTH > 3", "length>3"),
        ('name: "a b"', 'name:"a b"'),
        ("a OR b", "a or b"),
        ("a AND NOT b", "a (not b)"),
    ],
)
def test_shorter_ways_to_say_it(text, same):
    assert parse(text, SETTINGS) == parse(same, SETTINGS)


def test_quoted_operators_are_text():
    assert parse('"and" "length>3"') == All((Contains("and"), Contains("length>3")))


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("duration<90", [0.0, 60.0, 89.0]),
        ("duration>=90s", [90.0, 3600.0]),
        ("duration>1.5min", [3600.0]),
        ("duration=1h", [3600.0]),
        ("duration<1d", [0.0, 60.0, 89.0, 90.0, 3600.0]),
    ],
)
def test_durations_have_units(text, matching):
    seconds = [0.0, 60.0, 89.0, 90.0, 3600.0]
    assert [s for s in seconds if parse(text).matches({"duration": s})] == matching


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("started:2026-11-22", [0, 86399]),
        ("started>2026-11-22", [86400]),
        ("started>=2026-11-22", [0, 86399, 86400]),
        ("started<2026-11-22", [-1]),
        ("started<=2026-11-22", [-1, 0, 86399]),
        ("started>2026-11-22T00:00:00", [86399, 86400]),
    ],
)
def test_a_date_is_the_whole_day(text, matching):
    offsets = [-1, 0, 86399, 86400]
    assert [o for o in offsets if parse(text).matches({"started": DAY + o})] == matching


def test_settings_may_be_words_and_switches():
    values = {"dialect": "Marked", "tune": False, "length": 20}
    assert parse("dialect=marked tune=false", SETTINGS).matches(values)
    assert not parse("dialect>3", SETTINGS).matches(values)
    assert not parse("dialect=mark", SETTINGS).matches(values)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_none(value):
    if value == "nan":
        with pytest.raises(QueryError, match="expected a number"):
            parse("value>nan")
    else:
        assert not parse("value>inf").matches({"value": math.nan})


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("a lenght>3", 2, "There is no field lenght. Did you mean length?"),
        ("zzz:3", 0, f"There is no field zzz. Known: {', '.join([*FACTS, *SETTINGS])}."),
        ("name>3", 4, "name holds words: use : or ="),
        ("length>", 7, "Expected a value after length>"),
        ("length>ten", 7, "length: expected a number. Received: ten"),
        ("seeds:few", 6, "seeds: expected a number. Received: few"),
        ("duration>3x", 9, "duration: expected a duration, such as 90s, 5min, 2h or 3d."),
        ("started>today", 8, "started: expected a date, such as 2026-11-22. Received: today"),
        ("a (b", 2, "The parenthesis is not closed"),
        ("a)", 1, "There is no parenthesis to close"),
        ('a "b', 2, "The quote is not closed"),
        ("or a", 0, "Expected something before or"),
        ("a or", 4, "Expected something after or"),
        ("and a", 0, "Expected something before and"),
        ("a and", 5, "Expected something after and"),
        ("a not", 5, "Expected something after not"),
    ],
)
def test_errors_say_what_and_where(text, position, problem):
    with pytest.raises(RequestError) as raised:
        parse(text, SETTINGS)
    assert str(raised.value).startswith(problem)
    assert raised.value.position == position
