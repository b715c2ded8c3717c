"""`writ signal`: sign that a file is the output of a run, so that orders may name the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import exits, output
from gateway.cli.named_files import usage
from gateway.cli.signers import ByOption, KeyOption, PassphraseOption, load_signer
from signing.attestation import (
    ATTESTATION_BYTES_MAX,
    OUTPUT_BYTES_MAX,
    SUFFIX,
    Attestation,
    AttestationError,
    attest,
    file_digest,
    read_attestation,
)
from signing.keys import PublicKey
from signing.trusted import FILE_BYTES_MAX, TrustedKeys, TrustedKeysError

app = typer.Typer(no_args_is_help=True, help="Attest the outputs of runs.")

_ATTEST: Final = "signal attest"
_SHOW: Final = "signal show"


@app.command("attest")
def attest_file(
    file: Annotated[Path, typer.Argument(help="The run's output file.")],
    run: Annotated[str, typer.Option("--run", help="The run's id, as orders name it.")],
    key: KeyOption,
    out: Annotated[
        Path | None, typer.Option("--out", help=f"Where to write it. [FILE{SUFFIX}]")
    ] = None,
    by: ByOption = None,
    passphrase: PassphraseOption = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Sign that FILE, as it is now, is an output of the run."""
    signer = load_signer(key, passphrase)
    try:
        data = attest(
            run,
            file.name,
            _digest(file, _ATTEST),
            created_us=time.time_ns() // 1000,
            by=by or signer.public.keyid,
            signer=signer,
        )
    except AttestationError as error:
        raise usage(str(error), _ATTEST) from error
    target = out or file.with_name(file.name + SUFFIX)
    target.write_bytes(data + b"\n")
    output.record({"file": str(target), **_fields(read_attestation(data))}, fmt)


@app.command()
def show(
    attestation: Annotated[Path, typer.Argument(help="An attestation.")],
    trusted: Annotated[
        Path | None, typer.Option("--attesters", help="File of trusted keys: NAME KEY a line.")
    ] = None,
    public: Annotated[
        str | None, typer.Option("--public-key", help="A trusted key in hexadecimal.")
    ] = None,
    fmt: output.FormatOption = output.Format.TABLE,
) -> None:
    """Show what an attestation says, who signed it, and whether the file beside it is the one.

    Exit 1 when keys were given and none of them signed it, or when the file is another one.
    """
    found = _read(attestation)
    keys = _keys(trusted, public)
    signer = None if keys is None else keys.signer_of(found)
    beside = attestation.parent / found.file_name
    same = _digest(beside, _SHOW) == found.sha256 if beside.exists() else None
    shown = {"signed_by": signer, "file_is_the_one": same}
    output.record({**_fields(found), **shown}, fmt)
    if same is False or (keys is not None and signer is None):
        output.complaint(
            "the file was changed" if same is False else "no trusted key signed it",
            "attestation-refused",
            "have the run attested again",
        )
        raise typer.Exit(exits.DENIED)


def _read(path: Path) -> Attestation:
    with path.open("rb") as file:
        data = file.read(ATTESTATION_BYTES_MAX + 2)
    try:
        return read_attestation(data)
    except AttestationError as error:
        raise usage(f"{path}: {error}", _SHOW) from error


def _keys(path: Path | None, public: str | None) -> TrustedKeys | None:
    try:
        if public is not None:
            return TrustedKeys({PublicKey.from_hex(public).raw: "the key that was given"})
        if path is None:
            return None
        with path.open("rb") as file:
            return TrustedKeys.parse(file.read(FILE_BYTES_MAX + 1))
    except (TrustedKeysError, ValueError) as error:
        raise usage(str(error), _SHOW) from error


def _digest(file: Path, command: str) -> str:
    with file.open("rb") as opened:
        found = file_digest(opened)
    if found is None:
        raise usage(f"{file} has more than {OUTPUT_BYTES_MAX} bytes", command)
    return found


def _fields(found: Attestation) -> dict[str, object]:
    return {
        "run_id": found.run_id,
        "output": found.file_name,
        "sha256": found.sha256,
        "created_us": found.created_us,
        "by": found.by,
    }
