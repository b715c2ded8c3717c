"""Rows that go in together are the rows that would have gone in one by one."""

from __future__ import annotations

import apsw
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import statements as sql
from gateway.ledger.many_rows import SIZES, grouped

INSERT = "INSERT INTO t (a, b) VALUES (:a, :b) ON CONFLICT (a) DO NOTHING"
WORKED_OUT = (
    "INSERT INTO t (n, a, b) VALUES ((SELECT coalesce(max(n), 0) + 1 FROM t), :a, :b) "
    "ON CONFLICT (a) DO UPDATE SET b = excluded.b"
)
VALUES = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.text(max_size=5), st.binary())


def stored(statement: str, rows: list[dict[str, object]], *, together: bool) -> list[object]:
    database = apsw.Connection(":memory:")
    database.execute("CREATE TABLE t (n INTEGER, a INTEGER PRIMARY KEY, b ANY) STRICT")
    if together:
        for text, bindings in grouped(statement, rows):  # type: ignore[arg-type]  # any value
            database.execute(text, bindings)
    else:
        for row in rows:
            database.execute(statement, row)  # type: ignore[arg-type]  # any value
    return list(database.execute("SELECT n, a, b FROM t ORDER BY rowid"))


@given(st.lists(st.tuples(st.integers(0, 60), VALUES), max_size=120))
def test_rows_are_stored_as_if_one_by_one(pairs: list[tuple[int, object]]) -> None:
    rows: list[dict[str, object]] = [{"a": a, "b": b} for a, b in pairs]
    for statement in (INSERT, WORKED_OUT):
        together = stored(statement, rows, together=True)
        assert together == stored(statement, rows, together=False)


def test_few_statements_serve_any_number_of_rows() -> None:
    row = dict.fromkeys("ab", 1)
    texts = {text for count in range(200) for text, _ in grouped(INSERT, [row] * count)}
    assert len(texts) == len(SIZES)
    assert len(list(grouped(INSERT, [row] * 71))) == 2 + 7


def test_what_every_order_writes_is_grouped_and_its_row_is_not() -> None:
    for statement, grows in (
        (sql.INSERT_ENTRY, True),
        (sql.INSERT_BLOB, True),
        (sql.INSERT_CLAIM, True),
        (sql.PUT_ORDER, False),
    ):
        names = {name.strip(" :),") for name in statement.split() if name.startswith((":", "(:"))}
        row = dict.fromkeys({name.lstrip("(:") for name in names}, 1)
        assert (len(list(grouped(statement, [row] * 8))) == 1) is grows
