"""The headers of every answer: what a browser must not do with it."""

from __future__ import annotations

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
)
Headers = list[tuple[bytes, bytes]]


def secured(headers: Headers, path: str, request_id: str, *, tls: bool) -> Headers:
    """An answer's headers and ours; what is ours alone (`x-problem`) stays inside."""
    page = path == "/" or path.startswith("/page/")
    found = [(name, value) for name, value in headers if name != b"x-problem"]
    found += _ALWAYS
    found.append((b"content-security-policy", (_PAGE_POLICY if page else _DATA_POLICY).encode()))
    if not any(name == b"cache-control" for name, _ in found):
        found.append((b"cache-control", b"no-cache" if page else b"no-store"))
    if tls:
        found.append((b"strict-transport-security", b"max-age=31536000"))
    return [*found, (b"x-request-id", request_id.encode())]
