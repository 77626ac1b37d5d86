"""The routes behind their gate, as one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.routing import Match

from twinnet.core.errors import TwinnetError
from twinnet.core.version import __version__
from twinnet.server import page
from twinnet.server.guard import Guard
from twinnet.server.logs import log
from twinnet.server.problems import PROBLEM, Problem, problem_of
from twinnet.server.routes import ROUTERS
from twinnet.server.service import Service
from twinnet.server.settings import Settings
from twinnet.server.wire import ProblemBody

_OF_STATUS = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


@dataclass(frozen=True, slots=True)
class Built:
    """The application, and what it serves with."""

    guard: Guard
    service: Service

    async def reload(self) -> bool:
        """Open model and gallery anew."""
        return await self.service.keeper.reload(even_if_same=True)


def build(settings: Settings) -> Built:
    """The application; it opens the model and the gallery now. Raises TwinnetError."""
    # An upload lives in memory, where its size is bounded already, and never in a file.
    MultiPartParser.spool_max_size = settings.limits.body_bytes + 1
    service = Service(settings)
    app = FastAPI(
        title="twinnet", version=__version__, docs_url=None, redoc_url=None, lifespan=_life,
        description="The same or different? What is measured is a distance: lower is more alike, and *same* means "
        "distance < threshold. Errors are problem+json with a stable `code` and a `next` step.",
        redirect_slashes=False,
    )  # fmt: skip
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    if settings.page:
        page.mount(app)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(TwinnetError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _theirs)
    app.add_exception_handler(Exception, _failed)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return Built(Guard(app, settings, service.metrics), service)


@contextlib.asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    watch = asyncio.create_task(service.keeper.watch())
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await service.close()


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  (FastAPI calls it for nothing else)
    request_id = str(request.scope.get("state", {}).get("request_id", ""))
    return JSONResponse(
        error.body(request_id), error.kind.status, {**error.headers, "X-Problem": error.code}, media_type=PROBLEM
    )


async def _ours(request: Request, error: Exception) -> JSONResponse:
    found = problem_of(error) if isinstance(error, TwinnetError) else None
    request_id = str(request.scope.get("state", {}).get("request_id", ""))
    if found is None or found.kind.status >= 500:
        said = f"{type(error).__name__}: {error}"
        log.warning("a request met a problem", extra={"request": request_id, "error": said})
    return await _problem(request, found or Problem("internal"))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ()) if part != "body")[:100]
    return await _problem(request, Problem("invalid", f"{where or 'body'}: {str(first.get('msg', ''))[:200]}"))


async def _theirs(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = {name.replace("-", "_"): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405:  # the router names the methods of the first route alone that has this path
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return await _problem(request, Problem(_OF_STATUS.get(error.status_code, "bad_request"), **headers))


def _methods(request: Request) -> set[str]:
    routes = [route for router in ROUTERS for route in router.routes]
    known = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in known for method in getattr(route, "methods", None) or ()} or {"GET"}


async def _failed(request: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=error, extra={"request": request.scope.get("state", {}).get("request_id")})
    return await _problem(request, Problem("internal"))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        parts = found.setdefault("components", {})
        schemas = parts.setdefault("schemas", {})
        schemas["ProblemBody"] = ProblemBody.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, item in found["paths"].items():
            for operation in item.values():
                if path.startswith("/v1/") or path == "/metrics":
                    operation["security"] = [{"key": []}, {}]
        app.openapi_schema = found
    return app.openapi_schema
