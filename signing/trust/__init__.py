"""The trust root: who the officers are, what they signed, and whether it still holds.

It is a TUF repository in a folder. Officers sign root and targets, as many of them as the root
says; a publisher's key, online, renews snapshot and timestamp every few days; one risk officer can
add overlays, which tighten. Any TUF client reads it unchanged. Writ asks for more than the standard
does, because the standard counts keys, and Writ counts people.

- `officers`: `Officer` and `Council`, plain values.
- `roles`: a council as TUF metadata and back; whose signatures count.
- `metadata`, `library`: files read strictly, through the TUF library.
- `repository`: the folder; what is staged is verified before it is written.
- `targets`: the files that are signed.
- `verify`, `checks`, `state`: the one verifier, in numbered steps, and what it returns.
- `drafts`: what travels between officers.
- `ceremony`, `latest`, `tightening`, `publish`: how a trust root is made and kept.
- `errors`: how trust is refused: a step, a code, what is wrong, what to do.

Nothing here opens a connection, reads a clock or holds a key: the caller gives a folder, the
moment to judge, and a signer.
"""

from signing.trust.ceremony import (
    Completed,
    complete,
    propose_overlays,
    propose_root,
    propose_targets,
)
from signing.trust.drafts import (
    DRAFT_BYTES_MAX,
    Draft,
    Tally,
    merge_drafts,
    sign_draft,
    tally,
)
from signing.trust.errors import STEP_NAMES, TrustError
from signing.trust.metadata import METADATA_BYTES_MAX
from signing.trust.officers import ROLES, Council, Officer
from signing.trust.publish import PUBLISH_DAYS, publish
from signing.trust.repository import Repository
from signing.trust.state import Floor, RootState, TrustState
from signing.trust.targets import MANIFEST, OVERLAYS, RELEASE, Target
from signing.trust.tightening import standing_overlays
from signing.trust.verify import PUBLISH_DAYS_MAX, read_roots, verify_trust

__all__ = [
    "DRAFT_BYTES_MAX",
    "MANIFEST",
    "METADATA_BYTES_MAX",
    "OVERLAYS",
    "PUBLISH_DAYS",
    "PUBLISH_DAYS_MAX",
    "RELEASE",
    "ROLES",
    "STEP_NAMES",
    "Completed",
    "Council",
    "Draft",
    "Floor",
    "Officer",
    "Repository",
    "RootState",
    "Tally",
    "Target",
    "TrustError",
    "TrustState",
    "complete",
    "merge_drafts",
    "propose_overlays",
    "propose_root",
    "propose_targets",
    "publish",
    "read_roots",
    "sign_draft",
    "standing_overlays",
    "tally",
    "verify_trust",
]
