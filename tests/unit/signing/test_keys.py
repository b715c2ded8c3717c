"""Ed25519 keys and signatures: the edge cases that must not pass."""

import base64
import copy
import pickle

import pytest

from signing.keys import Ed25519Signer, InvalidKeyError, PublicKey, Vkey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493

# All encodings of points whose order divides 8, the canonical ones first.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]

# RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "-",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
]


@pytest.mark.parametrize("at", [0, 5, 10])
def test_vectors_of_rfc_8032(at: int) -> None:
    seed, public, text, first, second = RFC_8032[at : at + 5]
    signer = Ed25519Signer.from_seed(bytes.fromhex(seed))
    assert signer.public == PublicKey.from_hex(public)
    message = bytes.fromhex(text.strip("-"))
    assert signer.sign(message).hex() == first + second
    assert signer.public.verify(bytes.fromhex(first + second), message)


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_small_order_keys_are_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        PublicKey.from_hex(text)


@pytest.mark.parametrize("y", [P, P + 1, P + 2, P + 10, P + 18])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_keys_in_another_encoding_are_refused(y: int, sign: int) -> None:
    with pytest.raises(InvalidKeyError, match=r"canonical"):
        PublicKey.from_raw((y | sign).to_bytes(32, "little"))


def test_points_off_the_curve_are_refused() -> None:
    # Small numbers that are the y of no point; 3, 4, 5 and 6 are.
    for y in (2, 7, 8, 11, 12):
        with pytest.raises(InvalidKeyError, match=r"curve"):
            PublicKey.from_raw(y.to_bytes(32, "little"))
    assert PublicKey.from_raw((3).to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(InvalidKeyError):
        PublicKey.from_raw(bytes(length))
    with pytest.raises(InvalidKeyError):
        Ed25519Signer.from_seed(bytes(length))


def test_keys_are_written_in_lower_hex() -> None:
    text = Ed25519Signer.from_seed(bytes(32)).public.hex
    assert PublicKey.from_hex(text).hex == text
    for other in (text.upper(), text[:-1], text + "0", text + "\n", "0x" + text[2:]):
        with pytest.raises(InvalidKeyError):
            PublicKey.from_hex(other)


def test_a_signature_has_one_writing() -> None:
    signer = Ed25519Signer.from_seed(bytes(32))
    signature = signer.sign(b"message")
    assert signer.public.verify(signature, b"message")
    scalar = int.from_bytes(signature[32:], "little")
    for multiple in range(1, 16):
        other = scalar + multiple * L
        if other < 2**256:
            forged = signature[:32] + other.to_bytes(32, "little")
            assert not signer.public.verify(forged, b"message")


@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_a_changed_signature_is_invalid(bit: int) -> None:
    signer = Ed25519Signer.from_seed(bytes(32))
    forged = bytearray(signer.sign(b"message"))
    forged[bit // 8] ^= 1 << bit % 8
    assert not signer.public.verify(bytes(forged), b"message")


def test_signatures_of_another_length_are_invalid() -> None:
    signer = Ed25519Signer.from_seed(bytes(32))
    signature = signer.sign(b"message")
    for wrong in (b"", signature[:-1], signature + b"\0"):
        assert not signer.public.verify(wrong, b"message")


def test_a_signer_shows_and_gives_away_nothing() -> None:
    seed = bytes(range(32))
    signer = Ed25519Signer.from_seed(seed)
    for text in (repr(signer), str(signer), f"{signer}"):
        assert seed.hex() not in text
        assert signer.public.keyid in text
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            leave(signer)


def test_generated_keys_differ() -> None:
    assert Ed25519Signer.generate().public != Ed25519Signer.generate().public


# The key of the Go checksum database: a verifier key in the wild, with a plus in its base64.
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def test_a_verifier_key_from_elsewhere() -> None:
    vkey = Vkey.parse(SUMDB)
    assert vkey.name == "sum.golang.org"
    assert vkey.key_id.hex() == "033de0ae"
    assert str(vkey) == SUMDB
    assert Vkey.parse(SUMDB + "\n") == vkey


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        SUMDB.replace("033de0ae", "033de0af"),
        SUMDB.replace("033de0ae", "033DE0AE"),
        SUMDB.replace("sum.", "sun."),
        SUMDB.replace("Ac4z", "Ac4y"),
        SUMDB + "\n\n",
        " " + SUMDB,
        SUMDB + "=",
        SUMDB.replace("+Ac4", "+Bc4"),
        "https://" + SUMDB,
        "a b" + SUMDB,
    ],
)
def test_verifier_keys_are_read_strictly(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        Vkey.parse(text)


def test_a_witness_key_is_no_log_key() -> None:
    public = Ed25519Signer.from_seed(bytes(32)).public
    text = base64.b64encode(b"\x04" + public.raw).decode()
    with pytest.raises(InvalidKeyError, match=r"not an Ed25519 log key"):
        Vkey.parse(f"witness.example+00000000+{text}")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a+b", "a\nb", "https://a", "//a", "a//b", "\u00e9", "a" * 201, "-a"]
)
def test_origins_that_a_note_could_misread_are_refused(name: str) -> None:
    with pytest.raises(InvalidKeyError):
        Vkey(name, Ed25519Signer.from_seed(bytes(32)).public)


@pytest.mark.parametrize("name", ["a", "localhost:8470/writ", "writ.example/log~1_x-y", "a" * 200])
def test_origins(name: str) -> None:
    vkey = Vkey(name, Ed25519Signer.from_seed(bytes(32)).public)
    assert Vkey.parse(str(vkey)) == vkey
