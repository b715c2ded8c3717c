"""The CSV files are read strictly: the first odd byte refuses the whole file."""

import gzip
from pathlib import Path

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.market import closes
from gateway.market.closes import quote_us, read_series

GOOD = "session,AAPL,MSFT\n2015-01-02,24.53,40.62\n2015-01-05,23.8,\n2015-07-06,31,0.0001\n"


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "closes.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_values_are_exact_integers_and_an_empty_cell_is_no_value(
    tmp_path: Path, packed: bool
) -> None:
    data = GOOD.encode()
    columns = read_series(write(tmp_path, gzip.compress(data, mtime=0) if packed else data))
    assert columns["AAPL"].values_e4 == (245_300, 238_000, 310_000)
    assert columns["MSFT"].values_e4 == (406_200, 1)
    assert columns["MSFT"].sessions == ("2015-01-02", "2015-07-06")


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    assert read_series(write(tmp_path, GOOD)) == read_series(
        write(tmp_path, GOOD.replace("\n", "\r\n"))
    )


def test_a_session_is_quoted_at_half_past_three_in_new_york_summer_and_winter() -> None:
    assert quote_us("2015-01-02") == 1_420_230_600_000_000  # 20:30 UTC
    assert quote_us("2015-07-06") == 1_436_211_000_000_000  # 19:30 UTC


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, ""),
        (1, "session,AAPL\n"),
        (1, "date,AAPL\n2015-01-02,1\n"),
        (1, "session\n2015-01-02\n"),
        (1, "session,AAPL,AAPL\n2015-01-02,1,1\n"),
        (1, "session,aapl\n2015-01-02,1\n"),
        (1, "session,AA PL\n2015-01-02,1\n"),
        (1, "session,\u0410APL\n2015-01-02,1\n"),
        (2, "session,AAPL\n2015-01-02,1,2\n"),
        (2, "session,AAPL\n2015-01-02\n"),
        (2, "session,AAPL\n2015-13-02,1\n"),
        (2, "session,AAPL\n2015-1-2,1\n"),
        (3, "session,AAPL\n2015-01-02,1\n2015-01-02,1\n"),
        (3, "session,AAPL\n2015-01-05,1\n2015-01-02,1\n"),
        (3, "session,AAPL\n2015-01-02,1\n\n2015-01-05,1\n"),
        *(
            (2, f"session,AAPL\n2015-01-02,{value}\n")
            for value in (
                "0",
                "0.0000",
                "-1",
                "+1",
                "1e3",
                "NaN",
                "Infinity",
                ".5",
                "5.",
                "01",
                " 1",
                "1_0",
                "1.00001",
                "123456789",
                "0x10",
            )
        ),
        (1, 'session,AAPL\n2015-01-02,"1\n'),
    ],
)
def test_odd_files_are_refused_at_the_line(tmp_path: Path, line: int, text: str) -> None:
    with pytest.raises(InvalidInputError, match=f"line {line}:") as refused:
        read_series(write(tmp_path, text))
    assert refused.value.code == "market-data-invalid"


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08", gzip.compress(GOOD.encode(), mtime=0)[:-9], b"\xef\xbb"]
)
def test_damaged_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_series(write(tmp_path, data))


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closes, "SIZE_MAX_BYTES", 1_000)
    with pytest.raises(InvalidInputError, match="too large"):
        read_series(write(tmp_path, gzip.compress(b"a" * 100_000, mtime=0)))
