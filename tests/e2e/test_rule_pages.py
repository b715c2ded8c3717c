"""What README and docs say of rules and limits, typed as it stands or held against the rules."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.policy.opa_tool import find_opa
from support.processes import ALL_SCOPES, WRIT, simulation

ROOT = Path(__file__).resolve().parents[2]
DEMO_RELEASE = ROOT / "gateway" / "demo" / "release"
CONTROLS = ROOT / "policies" / "controls"


@pytest.mark.slow
@pytest.mark.requirement("W-06")
def test_the_readme_tightens_a_limit_and_sees_what_it_would_have_done(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Change a rule")[2]
    block = section.partition("```sh\n")[2].partition("```")[0]
    install, commands = block.split("\n", 1)
    assert install.startswith("make tools")
    (tmp_path / "gateway").symlink_to(ROOT / "gateway")
    shutil.copytree(ROOT / "policies", tmp_path / "policies")  # a release could be built into it
    order_of_the_tour(tmp_path)

    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        env={"PATH": f"{Path(WRIT).parent}:{find_opa().parent}:/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"order_notional_max +changed +100,000 USD +3,000 USD +tighter", done.stdout)
    assert re.search(r"allow-to-deny +1\b", done.stdout), done.stdout
    assert "ORD-01" in (tmp_path / "impact.html").read_text(encoding="utf-8")


def order_of_the_tour(folder: Path) -> None:
    """Leave the published log of a gateway that allowed the tour's order."""
    server = simulation(folder, DEMO_RELEASE)
    server.start()
    try:
        server.key = server.new_key("you", *ALL_SCOPES)
        assert server.writ("omega4", "lift", "--reason", "first steps").status == 0
        submitted = server.writ("order", "submit", "buy", "100", "KO", "--limit", "32.50")
        assert submitted.status == 0, submitted.err
    finally:
        assert server.stop() == 0, server.log()
    (folder / "tour").symlink_to(server.data)


def test_the_table_of_exits_names_the_controls_that_let_them_pass() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = page.partition("| an exit | controls |\n")[2].partition("\n\n")[0]
    named = set(re.findall(r"[A-Z]+[0-9]?-[0-9]+", table))
    for prefix, first, last in re.findall(r"([A-Z]+)-([0-9]+) to [A-Z]+-([0-9]+)", table):
        named |= {f"{prefix}-{number:02}" for number in range(int(first), int(last) + 1)}
    rules = [path for path in CONTROLS.glob("*.rego") if not path.stem.endswith("_test")]
    texts = [path.read_text(encoding="utf-8") for path in rules]
    letting = [text for text in texts if "exits.reduces" in text]
    assert named == {re.findall(r"^#   id: (\S+)$", text, re.MULTILINE)[0] for text in letting}
