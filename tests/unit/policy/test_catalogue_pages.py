"""`writ policy catalogue`, and the page of controls that it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.policy.build import catalogue_of_sources
from gateway.policy.catalogue import CATALOGUE, Catalogue, load_catalogue
from gateway.policy.catalogue_pages import as_json, html, markdown
from gateway.policy.release import shipped_directory
from support.policy_cases import SOURCE

pytestmark = pytest.mark.requirement("W-05")

PAGE = SOURCE.parent / "docs" / "controls.md"


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue(shipped_directory())


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["policy", "catalogue", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.requirement("W-06")
def test_the_page_of_controls_is_what_the_command_writes(shipped: Catalogue) -> None:
    stale = PAGE.read_text(encoding="utf-8") != markdown(shipped)
    assert not stale, "run `writ policy catalogue --out docs/controls.md`"


def test_sources_and_release_have_the_same_catalogue(shipped: Catalogue) -> None:
    assert catalogue_of_sources(SOURCE) == shipped


def test_every_control_and_every_field_is_on_each_page(shipped: Catalogue) -> None:
    for text in shipped.controls.values():
        for page in (markdown(shipped), html(shipped)):
            assert text.control in page
            assert text.title in page or text.title in page.replace("&#x27;", "'")
            for name in (*text.facts, *text.limits):
                assert name in page
    listed = [control["control"] for control in json.loads(as_json(shipped))["controls"]]
    assert sorted(listed) == sorted(shipped.controls)


def test_every_link_of_the_page_leads_somewhere(shipped: Catalogue) -> None:
    page = markdown(shipped)
    anchors = {line[4:].lower() for line in page.splitlines() if line.startswith("### ")}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == anchors


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_the_command(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(shipped_directory()), "--format", form) == 0
    printed = capsys.readouterr().out
    assert run(str(SOURCE), "--format", form, "--out", str(tmp_path / "page")) == 0
    assert (tmp_path / "page").read_text(encoding="utf-8") == printed


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "missing")) == 2
    assert run(str(tmp_path)) == 2
    assert run(str(SOURCE), "--format", "pdf") == 2
    (tmp_path / CATALOGUE).write_text("{}")
    assert run(str(tmp_path)) in {1, 2}
    assert run(str(shipped_directory()), "--out", str(tmp_path / "no" / "page")) == 2
    assert "error" in capsys.readouterr().err
