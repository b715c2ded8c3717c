"""docs/adding-a-control.md, followed by hand: a control is added and rolled out as written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.policy.opa_tool import find_opa
from support.processes import ALL_SCOPES, WRIT, Typed, simulation

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding-a-control.md").read_text(encoding="utf-8")
RULE = """limit := "order_share_max_bps"

observed := input.order.equity_share_bps

proven if num.within(observed, limits[limit])
"""

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.requirement("W-03"),
    pytest.mark.requirement("W-06"),
    pytest.mark.slow,
]


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)


def type_in(folder: Path, commands: str, **environment: str) -> Typed:
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        env={"PATH": f"{Path(WRIT).parent}:{find_opa().parent}:/usr/bin:/bin"} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr)


def test_the_page_adds_a_control(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")  # a link would be written through
    shutil.copytree(ROOT / "gateway" / "demo", tmp_path / "gateway" / "demo")
    prepare, write, check, build, impact, look, roll_out = blocks()

    assert type_in(tmp_path, prepare).status == 0
    written = type_in(tmp_path, write)
    assert written.status == 0, written.err
    assert RULE in written.out
    assert RULE in PAGE

    checked = type_in(tmp_path, check)
    assert checked.status == 0, checked.out + checked.err
    assert "FAIL" not in checked.out
    assert "PASS" in checked.out

    built = type_in(tmp_path, build)
    assert built.status == 0, built.err
    for part in ("ORD-07", "order_share_max", "5 %"):
        assert part in built.out

    asked = type_in(tmp_path, impact)
    assert asked.status == 0, asked.err
    assert "ORD-07" in asked.out
    assert "ORD-07" in (tmp_path / "impact.html").read_text(encoding="utf-8")

    looked = type_in(tmp_path, look)
    assert looked.status == 0, looked.err
    report = json.loads((tmp_path / "impact.json").read_bytes())
    assert report["outcomes"]["allow-to-deny"] > 0
    assert report["outcomes"]["undecidable"] == 0
    assert "Share of equity in one order" in looked.out

    shutil.copytree(ROOT / "gateway" / "demo" / "release", tmp_path / "live-release")
    server = simulation(tmp_path, tmp_path / "live-release")
    server.start()
    try:
        server.key = server.new_key("officer", *ALL_SCOPES)
        rolled = type_in(tmp_path, roll_out, WRIT_URL=server.url, WRIT_API_KEY=server.key)
        assert rolled.status == 0, rolled.err
        with server.http() as http:
            in_force = http.get("/v1/policy/controls").json()
        assert in_force["release_digest"] == report["candidate"]["digest"]
        assert "ORD-07" in {control["id"] for control in in_force["controls"]}
    finally:
        assert server.stop() == 0, server.log()
