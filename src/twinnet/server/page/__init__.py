"""The page: a handful of files without a framework, served from memory. See docs/decisions/0004-a-page-by-hand.md."""

from __future__ import annotations

import hashlib
from importlib import resources

from fastapi import FastAPI, Request, Response

from twinnet.server.problems import Problem

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def mount(app: FastAPI) -> None:
    """`/` and `/page/NAME` for the files of this folder: no other name is ever looked for on a disk."""
    files: dict[str, tuple[bytes, str, str]] = {}
    for file in resources.files(__package__).iterdir():
        kind = _KINDS.get("." + file.name.rpartition(".")[2])
        if kind:
            content = file.read_bytes()
            files[file.name] = content, f"{kind}; charset=utf-8", f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    def answer(name: str, request: Request) -> Response:
        if name not in files:
            raise Problem("not_found")
        content, kind, tag = files[name]
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(content, headers={"Content-Type": kind, "ETag": tag})

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return answer("index.html", request)

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str, request: Request) -> Response:
        return answer(name, request)
