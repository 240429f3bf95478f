import pytest

from experiments.errors import KerasSeqError, UnknownNameError


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("lstn", ["gru", "lstm"], "Did you mean 'lstm'?"),
        ("gruu", ["gru", "lstm"], "Did you mean 'gru'?"),
        ("xyzzy", ["lstm", "gru"], "Known: gru, lstm."),
        ("", ["lstm"], "Known: lstm."),
        ("lstm", [], "Known: none."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(name, known, hint):
    assert str(UnknownNameError("model", name, known)) == f"Unknown model {name!r}. {hint}"


def test_a_name_with_a_line_break_still_gives_one_line():
    error = UnknownNameError("task", "two\nlines", ["adding"])
    assert isinstance(error, KerasSeqError)
    assert "\n" not in str(error)
