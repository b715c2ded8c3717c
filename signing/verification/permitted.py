"""What officers had permitted at each place of the log: part of step 7.

In PAPER and LIVE nothing is allowed but under a manifest that stands, for its mode and with its
release. An epoch never falls, and a manifest rests on the trust root that was accepted last. LIVE
is allowed after somebody has opened it under that manifest, and not after its lapse.
"""

from __future__ import annotations

from signing.canonical import JsonObject
from signing.records import OUTSIDE


class PermissionCheck:
    """Follows manifests, their ends, and the opening and closing of LIVE."""

    def __init__(self) -> None:
        self._targets_digest: str | None = None
        self._manifest: JsonObject | None = None
        self._stands = False
        self._opened_for: str | None = None
        """The manifest that LIVE was opened under and has not lapsed since."""

    def take(self, kind: str, payload: JsonObject) -> str | None:
        """Follow one entry; what makes it impossible, or None."""
        match kind:
            case "trust":
                self._targets_digest = payload["floor"]["targets_digest"]
            case "manifest":
                return self._accept(payload)
            case "lapse":
                return self._lapse(payload)
            case "unlock" if (payload["step"], payload["outcome"]) == ("enable", "done"):
                self._opened_for = payload["manifest_digest"]
            case _:
                pass
        return None

    def forbids(self, decision: JsonObject, *, wall_us: int | None, exits: bool) -> str | None:
        """Why an allow could not have been, or None.

        Args:
            decision: the payload.
            wall_us: when its facts were gathered, if its document is published.
            exits: an exit-only state may have let it through.
        """
        if decision["mode"] not in OUTSIDE:
            return None
        if self._manifest is None:
            return "it allows where no manifest was ever accepted"
        return None if exits else self._not_permitted(self._manifest, decision, wall_us)

    def _not_permitted(
        self, manifest: JsonObject, decision: JsonObject, wall_us: int | None
    ) -> str | None:
        mode = decision["mode"]
        stands = self._stands and (wall_us is None or wall_us < manifest["lapses_us"])
        if not stands or manifest["mode"] != mode:
            return f"it allows where no manifest for {mode} stands"
        if manifest["release_digest"] != decision["release_digest"]:
            return "it allows under another release than the manifest names"
        if mode == "LIVE" and self._opened_for != manifest["manifest_digest"]:
            return "it allows where LIVE is not open under the manifest"
        return None

    def _accept(self, payload: JsonObject) -> str | None:
        before, self._manifest, self._stands = self._manifest, payload, True
        if payload["trust_digest"] != self._targets_digest:
            return "it rests on another trust root than was accepted last"
        if before is None or payload["epoch"] > before["epoch"]:
            return None
        if payload["epoch"] < before["epoch"]:
            return f"its epoch is below {before['epoch']}, which was accepted before"
        if payload["manifest_digest"] != before["manifest_digest"]:
            return f"another manifest of epoch {before['epoch']} was accepted before"
        return None

    def _lapse(self, payload: JsonObject) -> str | None:
        accepted = self._manifest
        if payload["of"] == "live":
            self._opened_for = None
        elif accepted is None or accepted["manifest_digest"] != payload["manifest_digest"]:
            return "it ends a manifest that is not the one accepted last"
        else:
            self._stands, self._opened_for = False, None
        return None
