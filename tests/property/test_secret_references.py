"""References to secrets: one spelling for each, and nothing else parses or is repeated."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import ProviderError
from vault.references import REFERENCE_MAX, VERSION_MAX, Scheme, SecretRef

WORD = string.ascii_letters + string.digits + "_"
SEGMENTS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)
VERSIONS = st.none() | st.integers(1, VERSION_MAX)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,40}", fullmatch=True)
FILE_PARTS = st.text(WORD + ".,:=+@~- \u00e4\u8a9e", min_size=1, max_size=20).filter(
    lambda part: part not in (".", "..") and part == part.rstrip()
)
FILES = st.lists(FILE_PARTS, min_size=1, max_size=6).map(lambda parts: "/" + "/".join(parts))
REFERENCES = (
    st.builds(SecretRef, st.just(Scheme.VAULT), PATHS, SEGMENTS, SEGMENTS, VERSIONS)
    | st.builds(SecretRef, st.just(Scheme.ENVIRONMENT), NAMES)
    | st.builds(SecretRef, st.just(Scheme.FILE), FILES)
)
BROKEN = REFERENCES.map(lambda reference: f"{reference}/?geheim")
GRAMMAR = re.compile(
    r"vault://[A-Za-z0-9_][\w.-]{0,63}(/[A-Za-z0-9_][\w.-]{0,63}){1,16}(@[1-9][0-9]{0,9})?"
    r"#[A-Za-z0-9_][\w.-]{0,63}"
    r"|env://[A-Za-z_]\w{0,127}"
    r"|file://(/[^/%?#\\]{1,255})+",
    re.ASCII,
)
"""Said once more, by other words than the code's; what it lets pass is judged below."""

pytestmark = pytest.mark.requirement("S3-15")


def refused(text: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        SecretRef.parse(text)
    assert caught.value.code == "reference-malformed"
    assert caught.value.remedy
    return caught.value


@given(REFERENCES)
def test_what_is_written_is_what_is_read(reference: SecretRef) -> None:
    assert SecretRef.parse(str(reference)) == reference
    assert GRAMMAR.fullmatch(str(reference))


@given(st.from_regex(GRAMMAR, fullmatch=True) | st.text(max_size=60))
def test_what_is_read_is_written_the_same(text: str) -> None:
    try:
        reference = SecretRef.parse(text)
    except ProviderError:
        return
    assert str(reference) == text
    assert GRAMMAR.fullmatch(text)


@given(REFERENCES, st.data())
def test_two_spellings_are_two_secrets(reference: SecretRef, data: st.DataObject) -> None:
    """No character can be changed, added or left out and the same secret be meant."""
    text = str(reference)
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 1)))
    other = text[:at] + data.draw(st.text(max_size=2)) + text[end:]
    try:
        read = SecretRef.parse(other)
    except ProviderError:
        return
    assert (read == reference) == (other == text)


@given(st.text(WORD + "#@:/.-", min_size=12, max_size=80) | BROKEN)
def test_what_is_refused_is_not_repeated(text: str) -> None:
    """A secret that was typed where its reference belongs must not end up in a log."""
    error = refused(text)
    assert text not in error.detail + error.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with none"),
        ("PKTEST0123456789abcdef", "begins with none"),
        ("VAULT://kv/alpaca#key", "begins with none"),
        (" vault://kv/alpaca#key", "begins with none"),
        ("https://vault.example/kv/alpaca#key", "begins with none"),
        ("vault:/kv/alpaca#key", "begins with none"),
        ("vault://kv/alpaca", "no field"),
        ("vault://kv/alpaca#", "no field"),
        ("vault://kv/alpaca#a#b", "no field"),
        ("vault://kv/alpaca#key\n", "no field"),
        ("vault://kv#key", "no path"),
        ("vault://kv/#key", "no path"),
        ("vault:///alpaca#key", "no mount"),
        ("vault://kv//alpaca#key", "no path"),
        ("vault://kv/alpaca/#key", "no path"),
        ("vault://kv/../sys/seal#key", "no path"),
        ("vault://kv/./alpaca#key", "no path"),
        ("vault://../kv/alpaca#key", "no mount"),
        ("vault://kv/al%2Fpaca#key", "no path"),
        ("vault://kv/alpaca?version=1#key", "no path"),
        ("vault://me:geheim@kv/alpaca#key", "no mount"),
        ("vault://kv/alpaca@#key", "no version"),
        ("vault://kv/alpaca@0#key", "no version"),
        ("vault://kv/alpaca@01#key", "no version"),
        ("vault://kv/alpaca@-1#key", "no version"),
        ("vault://kv/alpaca@+1#key", "no version"),
        ("vault://kv/alpaca@1_0#key", "no version"),
        ("vault://kv/alpaca@\u0661#key", "no version"),
        (f"vault://kv/alpaca@{VERSION_MAX + 1}#key", "no version"),
        ("vault://kv/alpaca@1@2#key", "no version"),
        ("vault://kv@1/alpaca#key", "no mount"),
        ("vault://kv/a" + "/a" * 16 + "#key", "no path"),
        ("vault://kv/" + "a" * 65 + "#key", "no path"),
        ("vault://kv/alp\u00e4ca#key", "no path"),
        ("env://", "name"),
        ("env://1ST", "name"),
        ("env://A-B", "name"),
        ("env://A=B", "name"),
        ("env:///A", "name"),
        ("env://" + "A" * 129, "name"),
        ("file://relative", "absolute path"),
        ("file://localhost/run/x", "absolute path"),
        ("file:///", "absolute path"),
        ("file:///run/", "absolute path"),
        ("file:////run/x", "absolute path"),
        ("file:///run//x", "absolute path"),
        ("file:///run/./x", "absolute path"),
        ("file:///run/../x", "absolute path"),
        ("file:///run/..", "absolute path"),
        ("file:///run/x%20y", "absolute path"),
        ("file:///run/x#key", "absolute path"),
        ("file:///run/x\x00", "absolute path"),
        ("file:///run/x\n", "absolute path"),
        ("file:///run/x ", "absolute path"),
        ("file:///run/x?y", "absolute path"),
        ("file:///run/x\\y", "absolute path"),
        ("file:///run/x\u202ey", "absolute path"),
        ("file:///run/x\udcffy", "absolute path"),
        ("file:///" + "a" * 256, "absolute path"),
        ("file:///" + "a" * REFERENCE_MAX, "longer"),
        ("x" * 1_000_000, "longer"),
    ],
)
def test_what_is_no_reference_is_told_why(text: str, said: str) -> None:
    assert said in refused(text).detail


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("vault://kv/alpaca#key", SecretRef(Scheme.VAULT, "alpaca", "kv", "key")),
        ("vault://kv/live/alpaca@3#key", SecretRef(Scheme.VAULT, "live/alpaca", "kv", "key", 3)),
        ("env://ALPACA_KEY", SecretRef(Scheme.ENVIRONMENT, "ALPACA_KEY")),
        ("file:///run/secrets/x", SecretRef(Scheme.FILE, "/run/secrets/x")),
        ("file:///run/..data/x", SecretRef(Scheme.FILE, "/run/..data/x")),
        ("file:///home/j\u00f6rg/my keys/x", SecretRef(Scheme.FILE, "/home/j\u00f6rg/my keys/x")),
        ("file:///a", SecretRef(Scheme.FILE, "/a")),
    ],
)
def test_references_that_are_meant(text: str, meant: SecretRef) -> None:
    assert SecretRef.parse(text) == meant
    assert str(meant) == text
    assert len({meant, SecretRef.parse(text)}) == 1


@pytest.mark.parametrize(
    ("scheme", "name", "rest"),
    [
        (Scheme.VAULT, "alpaca", {}),
        (Scheme.VAULT, "alpaca", {"mount": "kv"}),
        (Scheme.VAULT, "alpaca", {"mount": "kv", "key": "key", "version": 0}),
        (Scheme.VAULT, "alpaca@1", {"mount": "kv", "key": "key"}),
        (Scheme.ENVIRONMENT, "A", {"mount": "kv"}),
        (Scheme.ENVIRONMENT, "A", {"key": "key"}),
        (Scheme.FILE, "/a", {"version": 1}),
        (Scheme.FILE, "a", {}),
        (Scheme.FILE, "/" + "a/" * 300 + "a", {}),
    ],
)
def test_none_can_be_made_that_could_not_be_written(
    scheme: Scheme, name: str, rest: dict[str, int | str]
) -> None:
    with pytest.raises(ProviderError):
        SecretRef(scheme, name, **rest)  # type: ignore[arg-type]  any of its fields
