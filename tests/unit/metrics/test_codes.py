"""Text as integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livegate.metrics import codes
from livegate.metrics.codes import factorise, keys, ranked

word = st.sampled_from(["", "a", "b", "ü", "a long text of more than fifteen bytes"])


def column(texts: list[str]) -> codes.Text:
    """Text of any length, as score files have it."""
    return np.array(texts, np.dtypes.StringDType())


@given(st.lists(word, max_size=20))
def test_codes_name_their_text(texts: list[str]) -> None:
    """Each row's code leads back to its text; texts are listed once, in order of first appearance."""
    names, found = factorise(column(texts))
    assert [names[code] for code in found] == texts
    assert names == list(dict.fromkeys(texts))


@given(st.lists(word, max_size=20))
def test_ranks_sort_as_texts_do(texts: list[str]) -> None:
    """A text's rank is its place among all texts of the column, whatever the order of rows."""
    assert ranked(column(texts)).tolist() == [sorted(set(texts)).index(text) for text in texts]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=20))
def test_keys_are_equal_where_rows_are(rows: list[tuple[int, int, int]]) -> None:
    """Keys are equal exactly for equal rows, and sort as rows do."""
    found = keys(np.array(column) for column in zip(*rows, strict=True)).tolist()
    assert [rows[place] for place in np.argsort(found, kind="stable")] == sorted(rows)
    assert len(set(found)) == len(set(rows))


def test_many_columns_of_many_values_do_not_overflow() -> None:
    """Ten columns of a million values each are more combinations than an integer holds; keys still tell rows apart."""
    rows = np.array([[0] * 10, [999_999] * 10, [0] * 9 + [1], [999_999] * 10, [1] + [0] * 9])
    found = keys(rows.T)
    assert np.argsort(found, kind="stable").tolist() == [0, 2, 4, 1, 3]
    assert found[1] == found[3]
    assert len(set(found.tolist())) == 4
