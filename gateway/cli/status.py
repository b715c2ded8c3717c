"""`writ status`: what a running gateway is doing."""

from __future__ import annotations

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
    found = {
        "gateway": client.url,
        "ready": True,
        "warnings": "; ".join(ready.get("warnings", ())) or None,
        "mode": mode["mode"],
        "omega4": "lifted" if mode["omega4"]["lifted"] else "in force",
        "halts": ", ".join(f"{h['cause']} ({h['scope']} {h['name']})" for h in halts) or None,
        "market_time": clock["now"],
        "release": f"{mode['release_revision']} ({mode['release_label']})",
        "release_digest": mode["release_digest"],
    }
    output.record(found, fmt)
