"""`writ policy switch` and `writ policy active`, as an operator types them."""

from __future__ import annotations

from pathlib import Path

from support.processes import ALL_SCOPES, simulation
from support.switching import link


def test_an_operator_switches_by_folder_and_by_digest(tmp_path: Path) -> None:
    releases = link(tmp_path)
    server = simulation(tmp_path, releases.path)
    server.start()
    try:
        server.key = server.new_key("ops", *ALL_SCOPES)
        shown = server.writ("policy", "active", "-o", "json")
        assert (shown.status, shown.json["release_digest"]) == (0, releases.digest("open"))

        tight = str(releases.made["tight"])
        early = server.writ("policy", "switch", "--release", tight)
        assert (early.status, "release-other" in early.err) == (1, True), early.err

        releases.turn("tight")
        done = server.writ("policy", "switch", "--release", tight)
        assert done.status == 0, done.err
        assert releases.digest("tight") in done.out
        assert releases.digest("open") in done.out
        assert "canaries denied" in done.err

        again = server.writ("policy", "switch", releases.digest("tight"), "-o", "json")
        assert (again.status, again.json["changed"]) == (0, False)
        back = server.writ("policy", "switch", releases.turn("open"), "-o", "json")
        assert (back.status, back.json["active"]["release_digest"]) == (0, releases.digest("open"))

        reader = server.new_key("reader", "read")
        refused = server.writ("policy", "switch", releases.turn("tight"), key=reader)
        assert (refused.status, "scope-missing" in refused.err) == (2, True)
        for usage in ((), ("no-digest",), (releases.digest("tight"), "--release", tight)):
            typed = server.writ("policy", "switch", *usage)
            assert (typed.status, "what to do" in typed.err) == (2, True), typed.err
        shown = server.writ("policy", "active", "-o", "json")
        assert shown.json["release_digest"] == releases.digest("open")
    finally:
        assert server.stop() == 0, server.log()
