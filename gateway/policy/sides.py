"""A release folder or a policies folder, read alike, so that one can be held against another."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.domain.errors import InvalidInputError
from gateway.policy.catalogue import ControlText
from gateway.policy.data_files import release_data
from gateway.policy.metadata import annotated_packages, block_findings, control_text
from gateway.policy.opa_tool import find_opa
from gateway.policy.release import DESCRIPTOR, ReleaseError, load_release
from gateway.policy.release_data import ReleaseData, parse_data
from gateway.policy.sources import rego_sources
from signing import canonical

_REGO: Final = ".rego"
_FILES_MAX: Final = 10_000
_UNPACKED_MAX_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Side:
    """Rules, words and data of one folder.

    Attributes:
        name: the folder, as it was named.
        texts: the Rego files by their path, tests left out.
        controls: what each control says of itself, by identifier.
        files: the file of each control, by identifier.
        parts: ``data.json`` as JSON.
        data: the same, read.
    """

    name: str
    texts: Mapping[str, str]
    controls: Mapping[str, ControlText]
    files: Mapping[str, str]
    parts: Mapping[str, Any]
    data: ReleaseData


def read_side(folder: Path) -> Side:
    """Read a release folder (it has a ``release.json``) or a policies folder; needs ``opa``.

    Raises:
        InvalidInputError: it is neither, or its rules, METADATA or data are malformed.
        ReleaseError: a file of the release is not what its descriptor names.
        OpaToolError: ``opa`` is missing.
    """
    if (folder / DESCRIPTOR).exists():
        release = load_release(folder)
        return _side(folder, bundle_texts(release.bundle), release.data)
    texts = {path.as_posix(): _text(folder / path) for path in rego_sources(folder)}
    return _side(folder, texts, release_data(folder))


def bundle_texts(bundle: bytes) -> dict[str, str]:
    """The Rego files in a release's bundle, by their path.

    Raises:
        ReleaseError: ``release-bundle``: it cannot be taken apart within bounds.
    """
    found: dict[str, str] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as tar:
            for member in tar:
                size += member.size
                if size > _UNPACKED_MAX_BYTES or len(found) > _FILES_MAX:
                    raise _unreadable("it is too large")
                path = member.name.lstrip("/")
                if not path.endswith(_REGO) or ".." in Path(path).parts:
                    continue
                file = tar.extractfile(member)
                if file is not None:
                    found[path] = file.read().decode("utf-8")
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise _unreadable(str(error)) from error
    return found


def _unreadable(why: str) -> ReleaseError:
    return ReleaseError(
        "release-bundle",
        f"the bundle cannot be taken apart: {why}",
        "build the release anew: `writ policy build`",
    )


def control_words(texts: Mapping[str, str], name: str) -> dict[str, ControlText]:
    """What each control says of itself, by its file; needs ``opa``.

    Args:
        texts: the Rego files by their path.
        name: what they are called in a complaint.

    Raises:
        InvalidInputError: the Rego or its METADATA is malformed.
        OpaToolError: ``opa`` is missing.
    """
    with tempfile.TemporaryDirectory(prefix="writ-side-") as staged:
        for path, text in texts.items():
            (Path(staged) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(staged) / path).write_text(text, encoding="utf-8")
        packages = annotated_packages(find_opa(), Path(staged))
    controls = [package for package in packages if package.is_control]
    for package in controls:
        for finding in block_findings(package):
            detail = f"{name}/{finding.file}: {finding.message}"
            raise InvalidInputError("policy-metadata", detail, finding.remedy)
    return {package.file: control_text(package) for package in controls}


def _side(folder: Path, texts: dict[str, str], data: bytes) -> Side:
    words = control_words(texts, str(folder))
    return Side(
        name=str(folder),
        texts=texts,
        controls={text.control: text for text in words.values()},
        files={text.control: file for file, text in words.items()},
        parts=canonical.decode_object(data),
        data=parse_data(data),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "policy-sources", f"{path} is not UTF-8", "mend the file"
        ) from error
