"""Key files: made once, readable by their owner alone, never shown."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import vault.signers
from vault.signers import KEY_BYTES_MAX, KeyFileError, create_key, load_key, open_key


def raw(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def code(error: pytest.ExceptionInfo[KeyFileError]) -> str:
    assert error.value.remedy
    return error.value.code


def test_a_key_is_what_was_made(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = create_key(path)
    assert raw(load_key(path)) == raw(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["log.key"], "nothing is left over"
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")


def test_the_file_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_key(tmp_path / "keys" / "log.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys" / "log.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_openssl_reads_it(tmp_path: Path) -> None:
    key = create_key(tmp_path / "log.key")
    told = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "log.key", "-noout", "-text"],
        capture_output=True,
        check=True,
        timeout=30,
    ).stdout.decode()
    assert "ED25519" in told
    public = key.public_key().public_bytes_raw()
    assert public.hex(":") in told.replace("\n", "").replace(" ", "")


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = create_key(path)
    with pytest.raises(KeyFileError) as caught:
        create_key(path)
    assert code(caught) == "key-exists"
    assert raw(load_key(path)) == raw(made)
    assert [file.name for file in tmp_path.iterdir()] == ["log.key"]


def test_one_of_many_makers_wins(tmp_path: Path) -> None:
    path, made, refused = tmp_path / "log.key", list[bytes](), list[str]()
    start = threading.Barrier(8)

    def make() -> None:
        start.wait(10)
        try:
            made.append(raw(create_key(path)))
        except KeyFileError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert refused == ["key-exists"] * 7
    assert raw(load_key(path)) == made[0]


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_crash_leaves_no_half_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def crash(*_: object) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "log.key"
    with monkeypatch.context() as patch:
        patch.setattr(vault.signers.os, step, crash)
        with pytest.raises(KeyFileError) as caught:
            create_key(path)
    assert code(caught) == "key-unwritable"
    assert not list(tmp_path.iterdir())
    create_key(path)


def test_open_makes_it_once(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    first = open_key(path)
    assert raw(open_key(path)) == raw(first)
    path.chmod(0o640)
    with pytest.raises(KeyFileError) as caught:
        open_key(path)
    assert code(caught) == "key-mode", "a key that was not safe is not simply made anew"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610, 0o602, 0o777])
def test_others_may_not_read_or_write_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    assert code(caught) == "key-mode"
    assert f"{mode:04o}" in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_the_owner_may(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    create_key(path)
    path.chmod(mode)
    assert load_key(path)


def test_it_belongs_to_this_user_or_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.key"
    create_key(path)
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 12_345, -1)
    else:
        monkeypatch.setattr(vault.signers.os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    assert code(caught) == "key-owner"


def test_a_missing_key(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as caught:
        load_key(tmp_path / "none.key")
    assert code(caught) == "key-missing"


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    (tmp_path / "folder.key").mkdir(mode=0o700)
    for name in ("pipe.key", "folder.key"):
        with pytest.raises(KeyFileError) as caught:
            load_key(tmp_path / name)
        assert code(caught) == "key-damaged"


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_what_is_no_ed25519_key(tmp_path: Path) -> None:
    whole = pem(ed25519.Ed25519PrivateKey.generate())
    for content in (
        b"",
        b"secret",
        whole[:60],
        pem(ec.generate_private_key(ec.SECP256R1())),
        whole.replace(b"PRIVATE", b"PUBLIC"),
        whole + b"\n" * KEY_BYTES_MAX,
    ):
        path = tmp_path / "log.key"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError) as caught:
            load_key(path)
        assert code(caught) == "key-damaged"


def test_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = create_key(path, b"correct horse")
    assert b"ENCRYPTED" in path.read_bytes()
    assert raw(load_key(path, b"correct horse")) == raw(made)
    for wrong in (None, b"", b"battery staple"):
        with pytest.raises(KeyFileError) as caught:
            load_key(path, wrong)
        assert code(caught) == "key-passphrase"
    plain = tmp_path / "plain.key"
    create_key(plain)
    with pytest.raises(KeyFileError) as caught:
        load_key(plain, b"correct horse")
    assert code(caught) == "key-passphrase"
    with pytest.raises(KeyFileError) as caught:
        create_key(tmp_path / "empty.key", b"")
    assert code(caught) == "key-passphrase"
    assert not (tmp_path / "empty.key").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError) as caught:
        create_key(tmp_path / "file" / "log.key")
    assert code(caught) == "key-unwritable"


def test_no_error_shows_a_key(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    secret = create_key(path)
    text = path.read_text().splitlines()[1]
    path.write_text(path.read_text().replace("BEGIN", "BEGINN"))
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    shown = f"{caught.value!r} {caught.value} {caught.value.remedy} {caught.value.__cause__!r}"
    assert text not in shown
    assert raw(secret).hex() not in shown
