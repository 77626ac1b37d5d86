"""What can go wrong, as RFC 9457 problems: a stable code, what happened, and what to do next. No paths, no traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twinnet.core import errors

PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of problem: its HTTP status, title and next step."""

    status: int
    title: str
    next: str


_AGAIN = "Repeat it a little later."
KINDS: Mapping[str, Kind] = {
    "bad_request": Kind(400, "The request cannot be read", "Compare it with /openapi.json."),
    "unauthorized": Kind(401, "A key is needed", "Send the header Authorization: Bearer KEY."),
    "forbidden": Kind(403, "The key may not do this", "Use a key with the scope that is named."),
    "cross_origin": Kind(403, "Another site's page sent this", "Call the API from a program, or from its own page."),
    "unknown_host": Kind(403, "This server is not known by that name", "Add the name with --allow-host."),
    "not_found": Kind(404, "There is nothing here", "Look at /openapi.json for what there is."),
    "not_enrolled": Kind(404, "Nobody of that name is enrolled", "GET /v1/identities lists who is."),
    "no_picture": Kind(404, "No picture is kept", "Only galleries made with --keep-originals keep pictures."),
    "no_gallery": Kind(404, "This server has no gallery", "Start it with --gallery FOLDER."),
    "no_detector": Kind(404, "This server has no detector of anomalies", "Start it with --detector FILE."),
    "method_not_allowed": Kind(405, "Not with this method", "Look at the header Allow."),
    "slow_body": Kind(408, "The body did not arrive in time", "Send it faster, or less of it."),
    "not_calibrated": Kind(
        409, "The model has no threshold yet", "twinnet calibrate MODEL DATA, then export it again."
    ),
    "too_large": Kind(413, "This is too large", "Send less at once; GET /v1/model lists the limits."),
    "unsupported_format": Kind(415, "Not an image of an accepted format", "Send PNG, JPEG or WebP."),
    "unreadable_image": Kind(422, "The image cannot be read", "Save it anew, or send another."),
    "invalid": Kind(422, "The request is not as it should be", "Compare it with /openapi.json."),
    "rate_limited": Kind(429, "This key asks too often", "Wait as long as Retry-After says."),
    "head_too_large": Kind(431, "The request's head is too large", "Send fewer or shorter headers."),
    "internal": Kind(500, "The server failed", "Tell its operator the request_id."),
    "gallery_damaged": Kind(500, "The gallery is damaged", "Its operator restores it from a backup or an export."),
    "overloaded": Kind(503, "The server has more to do than it can", _AGAIN),
    "too_slow": Kind(503, "The work was not done in time", "Send less at once, or repeat it later."),
    "stopping": Kind(503, "The server is stopping", _AGAIN),
    "gallery_busy": Kind(503, "Another process writes to the gallery", _AGAIN),
    "gallery_away": Kind(503, "The gallery's server does not answer", _AGAIN),
    "gallery_changed": Kind(503, "The gallery belongs to another model now", _AGAIN),
    "disk_full": Kind(507, "The disk took no more", "Its operator frees some space; nothing of this was kept."),
}
RETRY_S: Mapping[str, int] = {
    "overloaded": 1, "stopping": 5, "gallery_busy": 2, "gallery_away": 2, "gallery_changed": 2, "too_slow": 2,
}  # fmt: skip
_OF: tuple[tuple[type[errors.TwinnetError], str], ...] = (
    (errors.UnreadableItem, "unreadable_image"),
    (errors.NotEnrolled, "not_enrolled"),
    (errors.NotCalibrated, "not_calibrated"),
    (errors.GalleryBusy, "gallery_busy"),
    (errors.GalleryAway, "gallery_away"),
    (errors.GalleryFull, "disk_full"),
    (errors.WrongModel, "gallery_changed"),
    (errors.GalleryDamaged, "gallery_damaged"),
    (errors.ConfigError, "invalid"),
)


class Problem(Exception):
    """Raised anywhere below a route; becomes the answer."""

    def __init__(self, code: str, detail: str = "", **headers: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.kind = code, detail, KINDS[code]
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if code in RETRY_S:
            self.headers.setdefault("Retry-After", str(RETRY_S[code]))

    def body(self, request_id: str) -> dict[str, Any]:
        """As the client reads it."""
        return {
            "type": f"urn:twinnet:problem:{self.code}", "title": self.kind.title, "status": self.kind.status,
            "code": self.code, "detail": self.detail or self.kind.title, "next": self.kind.next,
            "request_id": request_id,
        }  # fmt: skip


def problem_of(error: errors.TwinnetError) -> Problem | None:
    """Our own errors as problems; None for those that are no client's doing. Their texts may name paths: not passed."""
    code = next((code for kind, code in _OF if isinstance(error, kind)), None)
    if code is None:
        return None
    if isinstance(error, errors.UnreadableItem):
        # What stands in brackets is the decoder's own word, which may show where things lie in memory.
        reason = error.reason.split(" (", 1)[0]
        if reason.startswith("is not an image"):
            code = "unsupported_format"
        elif "pixels" in reason and "has " in reason:
            code = "too_large"
        return Problem(code, f"{error.item}: {reason}")
    return Problem(code)
