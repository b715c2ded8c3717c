"""Which store it is: said by settings that cannot contradict each other or give a secret away."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.domain.errors import InvalidInputError
from gateway.ledger.choice import database_of
from support.secrets_made import NOW, secret

URL = "postgresql://writ@db.example:5432/writ"


@dataclass
class Chosen:
    ledger: str = "sqlite"
    postgresql_url: str | None = None
    postgresql_password_file: Path | None = None
    data: Path = Path("writ-data")
    origin: str = "writ.example/log"


def refusal(chosen: Chosen) -> str:
    with pytest.raises(InvalidInputError) as error:
        database_of(chosen, NOW)
    assert error.value.code == "config-invalid"
    assert error.value.remedy
    return error.value.detail


def test_a_file_needs_nothing() -> None:
    assert database_of(Chosen(), NOW) is None


def test_a_database_is_named() -> None:
    assert database_of(Chosen("postgresql", URL), NOW) == (URL, None)


@pytest.mark.parametrize(
    "chosen",
    [
        Chosen("sqlite", URL),
        Chosen("sqlite", None, Path("password")),
        Chosen("postgresql"),
        Chosen("postgresql", "writ.db"),
        Chosen("postgresql", "mysql://writ@db.example/writ"),
        Chosen("postgresql", "postgresql://writ@db.example"),
        Chosen("postgresql", "postgresql://writ@db.example:x/writ"),
        Chosen("postgresql", "postgresql://[writ@db.example/writ"),
        Chosen("postgresql", URL, Path("not-there")),
    ],
)
def test_what_contradicts_itself_is_refused(chosen: Chosen) -> None:
    assert refusal(chosen)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://writ:geheim@db.example/writ",
        "postgresql://writ:@db.example/writ",
        f"{URL}?password=geheim",
        f"{URL}?sslmode=require&PASSWORD=geheim",
        f"{URL}?sslpassword=geheim",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    detail = refusal(Chosen("postgresql", url))
    assert "password" in detail
    assert "geheim" not in detail


def test_the_password_comes_from_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("geheim \n")
    path.chmod(0o600)
    located = database_of(Chosen("postgresql", URL, path), NOW)
    assert located == (URL, secret("geheim "))
    assert "geheim" not in repr(located)
    path.chmod(0o640)
    assert "by others" in refusal(Chosen("postgresql", URL, path))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two\nlines\n"])
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)
    assert refusal(Chosen("postgresql", URL, path))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"x" * 20_000)
    path.chmod(0o600)
    assert "more than" in refusal(Chosen("postgresql", URL, path))
