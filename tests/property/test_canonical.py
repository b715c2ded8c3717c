"""Canonical JSON equals an independent RFC 8785 writer, and nothing else decodes."""

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from signing.canonical import INT_MAX, CanonicalError, decode, encode

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
ODD_KEYS = st.text(st.sampled_from("aA0\u00e9\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff"))
SCALARS = st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT | ODD_KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
@example({"\ufb33": 1, "\U0001f600": {"\uffff": 1, "\U00010000": 2}})
def test_equal_to_an_independent_writer(value: object) -> None:
    assert encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # its Any is ours


@given(VALUES)
def test_decode_reads_what_encode_wrote(value: object) -> None:
    assert decode(encode(value)) == value


@given(VALUES, st.data())
def test_any_other_bytes_mean_another_value_or_nothing(value: object, data: st.DataObject) -> None:
    written = bytearray(encode(value))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    try:
        read = decode(bytes(written))
    except CanonicalError:
        return
    assert encode(read) == bytes(written)
    assert encode(read) != encode(value)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_canonical(noise: bytes) -> None:
    try:
        value = decode(noise)
    except CanonicalError:
        return
    assert encode(value) == noise


@given(st.integers(min_value=INT_MAX + 1) | st.integers(max_value=-INT_MAX - 1))
def test_large_integers_are_refused(number: int) -> None:
    with pytest.raises(CanonicalError):
        encode({"n": [number]})
