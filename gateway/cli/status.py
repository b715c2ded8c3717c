"""`writ status`: what a running gateway is doing."""

from __future__ import annotations

from typing import Any

import typer

from gateway.cli import output
from gateway.cli.client import connect

app = typer.Typer()


@app.command()
def status(fmt: output.FormatOption = output.Format.TABLE) -> None:
    """Show readiness, mode, halts and the accounts' working orders; exit 3 when not ready."""
    client = connect()
    ready = client.get("/readyz")
    mode = client.get("/v1/mode")
    clock = client.get("/v1/market/clock")
    halts = client.get("/v1/halts")["halts"]
    manifests = client.get("/v1/manifests")
    found = {
        "gateway": client.url,
        "ready": True,
        "warnings": "; ".join(ready.get("warnings", ())) or None,
        "mode": mode["mode"],
        "omega4": "lifted" if mode["omega4"]["lifted"] else "in force",
        "halts": ", ".join(f"{h['cause']} ({h['scope']} {h['name']})" for h in halts) or None,
        "manifest": manifest_line(manifests),
        "reconciled": "; ".join(
            f"{one['account']} {one['outcome']} at {one['at']}"
            for one in client.get("/v1/reconciliation")["accounts"]
        )
        or None,
        "market_time": clock["now"],
        "release": f"{mode['release_revision']} ({mode['release_label']})",
        "release_digest": mode["release_digest"],
    }
    output.record(found, fmt)


def manifest_line(told: dict[str, Any]) -> str | None:
    """What stands, or why nothing does; ``None``: no officers are asked."""
    manifest, refused = told["manifest"], told["refused"]
    why = "" if refused is None else f"; refused: {refused['code']}: {refused['detail']}"
    if manifest is None:
        return f"none{why}" if told["configured"] else None
    named = f"{manifest['mode']} epoch {manifest['epoch']}"
    if manifest["lapsed"] is not None:
        return f"{named} has lapsed: {manifest['lapsed']}{why}"
    if not manifest["release_in_force"]:
        return f"{named} is for release {manifest['release_digest']}{why}"
    ends = min(manifest["lapses_at"], told["trust"]["holds_until"])
    return f"{named}, until {ends}{why}"
