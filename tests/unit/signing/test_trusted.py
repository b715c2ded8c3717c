"""Files of trusted keys: one reading, and every doubt refused."""

import pytest

from signing.attestation import attest, read_attestation
from signing.keys import Ed25519Signer
from signing.trusted import FILE_BYTES_MAX, KEYS_MAX, TrustedKeys, TrustedKeysError
from support.logs import seeded

ALICE, BOB = seeded(1), seeded(2)
FILE = f"# who may attest\nalice {ALICE.public.hex}\n\nbob {BOB.public.hex}\n".encode()


def test_names_stand_by_their_keys() -> None:
    keys = TrustedKeys.parse(FILE)
    assert keys.names == {ALICE.public.raw: "alice", BOB.public.raw: "bob"}


def test_a_name_may_have_two_keys_so_that_one_can_replace_the_other() -> None:
    keys = TrustedKeys.parse(f"a {ALICE.public.hex}\na {BOB.public.hex}".encode())
    assert set(keys.names.values()) == {"a"}


def test_the_name_is_the_files_whatever_the_signed_label_says() -> None:
    signed = read_attestation(
        attest("r1", "out.csv", "0" * 64, created_us=1, by="bob", signer=ALICE)
    )
    assert TrustedKeys.parse(FILE).signer_of(signed) == "alice"
    assert TrustedKeys.parse(f"bob {BOB.public.hex}".encode()).signer_of(signed) is None
    assert TrustedKeys().signer_of(signed) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 keys"),
        ("# nobody\n", "0 keys"),
        (
            f"alice {ALICE.public.hex}\nbob {ALICE.public.hex}",
            "line 2: this key stands there twice",
        ),
        (f"alice  {ALICE.public.hex}", "line 1"),
        (f"alice {ALICE.public.hex} ", "line 1"),
        (f"alice {ALICE.public.hex}\r\n", "line 1"),
        (f"alice {ALICE.public.hex.upper()}", "line 1"),
        (f" {ALICE.public.hex}", "line 1"),
        (f"al/ice {ALICE.public.hex}", "line 1"),
        (ALICE.public.hex, "line 1"),
        (f"alice {'0' * 64}", "small order"),
        (f"alice {'f' * 64}", "canonical"),
        (f"älice {ALICE.public.hex}", "ASCII"),
        ("#" * (FILE_BYTES_MAX + 1), "bytes"),
    ],
)
def test_any_other_text_is_refused_as_a_whole(text: str, said: str) -> None:
    with pytest.raises(TrustedKeysError, match=said):
        TrustedKeys.parse(text.encode())


def test_there_is_an_end_to_how_many_are_trusted() -> None:
    made = [Ed25519Signer.generate().public.hex for _ in range(KEYS_MAX + 1)]
    lines = [f"n{number} {key}" for number, key in enumerate(made)]
    with pytest.raises(TrustedKeysError, match="256"):
        TrustedKeys.parse("\n".join(lines).encode())
    assert len(TrustedKeys.parse("\n".join(lines[:-1]).encode()).names) == KEYS_MAX
