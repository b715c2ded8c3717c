"""Building a release: the same sources, data and ``opa`` give the same bytes, anywhere."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.domain.errors import InvalidInputError
from gateway.policy.batches import DECISIONS, HALTS
from gateway.policy.catalogue import CATALOGUE, Catalogue, ControlText, encode_catalogue
from gateway.policy.metadata import annotated_packages, block_findings, control_text
from gateway.policy.opa_tool import find_opa, required_version, run_opa
from gateway.policy.release import (
    BUNDLE,
    DATA,
    DESCRIPTOR,
    LABEL,
    VERSION,
    WASM,
    Release,
    load_release,
)
from gateway.policy.sources import revision, stage
from signing import canonical

CAPABILITIES: Final = "capabilities.json"
_WASM_MAX_BYTES: Final = 16 * 1024 * 1024
_SHOWN_MAX: Final = 48


def build(source: Path, out: Path, label: str, data: bytes) -> Release:
    """Build a release folder from a policies folder.

    Nothing is written before all of it is made and read back as a release. The descriptor is
    written last: a build that breaks off there leaves a folder whose digests do not fit, which
    nothing loads.

    Args:
        source: the policies folder.
        out: the release folder; it is made if needed and its files are replaced.
        label: what the release is for, such as ``shipped`` or ``demonstration``.
        data: the bytes of ``data.json`` (:func:`gateway.policy.data_files.release_data`).

    Raises:
        InvalidInputError: the Rego does not compile, a control lacks its METADATA, or
            ``release-label``: that cannot be a label.
        OpaToolError: ``opa`` is missing.
        ReleaseError: what was built is not a sound release.
    """
    if LABEL.fullmatch(label) is None:
        raise InvalidInputError(
            "release-label",
            f"{label[:_SHOWN_MAX]!a} cannot be a label",
            "use a-z and -, a letter first, at most 32 of them",
        )
    opa, built = find_opa(), revision(source)
    with tempfile.TemporaryDirectory(prefix="writ-build-") as folder:
        staged, made = Path(folder) / "sources", Path(folder) / "made"
        staged.mkdir()
        made.mkdir()
        stage(source, staged)
        capabilities = (source / CAPABILITIES).resolve()
        _opa_build(opa, staged, made / BUNDLE, capabilities, "-t", "rego", "-r", built)
        module = made / "module.tar.gz"
        _opa_build(opa, staged, module, capabilities, "-t", "wasm", "-e", DECISIONS, "-e", HALTS)
        files = {
            BUNDLE: (made / BUNDLE).read_bytes(),
            WASM: _extract(module.read_bytes(), WASM),
            DATA: data,
            CATALOGUE: encode_catalogue(built, _control_texts(opa, staged)),
        }
        files[DESCRIPTOR] = _descriptor(built, label, files)
        for name, content in files.items():
            (made / name).write_bytes(content)
        release = load_release(made)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _replace(out / name, content)
    return release


def _opa_build(opa: Path, staged: Path, out: Path, capabilities: Path, *options: str) -> None:
    arguments = ["build", "-b", ".", "-o", out, "--capabilities", capabilities, *options]
    done = run_opa(opa, arguments, cwd=staged)
    if done.status != 0:
        remedy = "run `writ policy check`: it tells what helps, line by line"
        raise InvalidInputError("policy-sources", done.said.removeprefix("error: "), remedy)


def _extract(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.extractfile(f"/{name}")
        assert member is not None, "opa writes the module as a plain file"
        data = member.read(_WASM_MAX_BYTES + 1)
    if len(data) > _WASM_MAX_BYTES:
        raise InvalidInputError("policy-sources", f"{name} is too large", "split the policies")
    return data


def catalogue_of_sources(source: Path) -> Catalogue:
    """The catalogue of a policies folder, as a release built of it would have.

    Raises:
        InvalidInputError: the Rego cannot be read or a control lacks its METADATA.
        OpaToolError: ``opa`` is missing.
    """
    opa, built = find_opa(), revision(source)
    with tempfile.TemporaryDirectory(prefix="writ-catalogue-") as folder:
        stage(source, Path(folder))
        controls = _control_texts(opa, Path(folder))
    ordered = sorted(controls, key=lambda text: text.control)
    return Catalogue(built, {text.control: text for text in ordered})


def _control_texts(opa: Path, staged: Path) -> list[ControlText]:
    controls = [package for package in annotated_packages(opa, staged) if package.is_control]
    findings = [finding for package in controls for finding in block_findings(package)]
    if findings:
        first = findings[0]
        raise InvalidInputError("policy-metadata", f"{first.file}: {first.message}", first.remedy)
    return [control_text(package) for package in controls]


def _descriptor(built: str, label: str, files: Mapping[str, bytes]) -> bytes:
    return canonical.encode(
        {
            "v": VERSION,
            "revision": built,
            "label": label,
            "opa_version": required_version(),
            "bundle_sha256": canonical.digest(files[BUNDLE]),
            "wasm_sha256": canonical.digest(files[WASM]),
            "data_sha256": canonical.digest(files[DATA]),
        }
    )


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)
