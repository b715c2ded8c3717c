"""What of a file is the secret."""

from pathlib import Path

import pytest

from support.secrets_made import NOW
from vault.errors import ProviderError
from vault.providers.files import FileProvider, read_file
from vault.references import SecretRef
from vault.secret import SECRET_BYTES_MAX

LONGEST = b"x" * SECRET_BYTES_MAX

pytestmark = pytest.mark.requirement("S3-15")


def written(folder: Path, content: bytes) -> SecretRef:
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    return SecretRef.parse(f"file://{path}")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"geheim", "geheim"),
        (b"geheim\n", "geheim"),
        (b"geheim\r\n", "geheim"),
        (b"geheim\n\n", "geheim\n"),
        (b"geheim\r", "geheim\r"),
        (b" geheim ", " geheim "),
        (b"\n\n", "\n"),
        (LONGEST, LONGEST.decode()),
        (LONGEST + b"\r\n", LONGEST.decode()),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_one_newline_at_the_end_is_no_part_of_it(
    tmp_path: Path, content: bytes, value: str
) -> None:
    assert FileProvider().fetch(written(tmp_path, content), NOW).reveal() == value


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "secret-malformed"),
        (b"\n", "secret-malformed"),
        (b"\r\n", "secret-malformed"),
        (b"geheim\xff", "secret-malformed"),
        (b"geheim\0", "secret-malformed"),
        (LONGEST + b"x", "secret-malformed"),
        (LONGEST + b"x\r\n", "file-too-large"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_secret(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(ProviderError) as caught:
        FileProvider().fetch(written(tmp_path, content), NOW)
    assert caught.value.code == code
    assert "geheim" not in repr(caught.value)
    assert caught.value.__context__ is None, "what could not be decoded is not kept"


def test_a_setting_may_name_a_file_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = written(tmp_path, b"geheim\n")
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    secret = read_file(Path("../key"), NOW)
    assert secret.reveal() == "geheim"
    assert secret.provenance.reference == reference


def test_a_path_that_no_reference_can_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        read_file(tmp_path / "50%", NOW)
    assert caught.value.code == "reference-malformed"
