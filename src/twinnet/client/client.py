"""Calls to a server, one method for each thing it does."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from twinnet.client import answers
from twinnet.client.answers import Anomaly, Compared, Explanation, Reading, ServedModel
from twinnet.core import errors
from twinnet.core.errors import ConfigError, MissingExtra, ServerError, UnreadableItem
from twinnet.core.types import Decision, Item
from twinnet.data.sources import read_bytes
from twinnet.gallery import Enrolled, Forgotten, Match, Receipt

if TYPE_CHECKING:
    import httpx

Embeddings = npt.NDArray[np.float32]
_AGAIN = frozenset({429, 503})
_LONGEST_S = 10.0
_OF: Mapping[str, type[errors.TwinnetError]] = {
    "not_enrolled": errors.NotEnrolled, "not_calibrated": errors.NotCalibrated, "gallery_busy": errors.GalleryBusy,
    "gallery_away": errors.GalleryAway, "disk_full": errors.GalleryFull, "gallery_damaged": errors.GalleryDamaged,
}  # fmt: skip


@final
class Client:
    """`Client("http://127.0.0.1:8000", key="tw_…")`; use it in `with`, or `close` it. Threads may share it.

    A server that is busy (429, 503) is asked again, up to `retries` times, as late as it says; an enrolment is not,
    once it was begun. Raises ServerError, or the library's own error for what went wrong there: NotEnrolled,
    UnreadableItem, NotCalibrated, GalleryBusy …
    """

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 60.0, retries: int = 3) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra("the client needs httpx. Next: pip install 'twinnet[client]'.") from error
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http: httpx.Client = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)
        self._unreached: type[Exception] = httpx.TransportError
        self._url, self._retries = url, retries

    def verify(self, first: Item, second: Item | None = None, *, identity: str | None = None) -> Decision:
        """Two items; or one, and the identity that it is said to be."""
        return answers.decision(self._verify(first, second, identity, explain=False))

    def explain(self, first: Item, second: Item) -> Explanation:
        """As `verify`, with which regions drive the verdict."""
        found = self._verify(first, second, None, explain=True)
        parts = [found["explanation"][side] for side in ("first", "second")]
        pictures, overlays = ([answers.picture(part[kind]) for part in parts] for kind in ("picture", "overlay"))
        return Explanation(answers.decision(found), (pictures[0], pictures[1]), (overlays[0], overlays[1]))

    def embed(self, items: Sequence[Item]) -> Embeddings:
        """`N` items → `(N, D)`. Raises UnreadableItem for the first that cannot be decoded."""
        found = self._post("/v1/embed", [_file("images", item) for item in items], {})
        for one in found["items"]:
            if one["problem"]:
                raise UnreadableItem(_name(items[one["index"]]), one["problem"])
        return np.array([one["embedding"] for one in found["items"]], np.float32).reshape(-1, found["dim"])

    def enrol(
        self, identity: str, items: Sequence[Item], *, keep: str = "prototype",
        metadata: Mapping[str, Any] | None = None,
    ) -> Receipt:  # fmt: skip
        """Add items of one identity: on the server's disk when this returns. The keys of templates stay there."""
        data = {"identity": identity, "keep": keep, "metadata": json.dumps(dict(metadata or {}))}
        found = self._post("/v1/identities", [_file("images", item) for item in items], data, again=False)
        return Receipt(found["identity"], (), found["items"])

    def enrolled(self) -> list[Enrolled]:
        """Everybody, in the order of enrolment."""
        people: list[Enrolled] = []
        while True:
            page = self._call("GET", "/v1/identities", params={"offset": len(people), "limit": 1000})
            people += [Enrolled(one["identity"], one["templates"], one["items"]) for one in page["identities"]]
            if not page["identities"] or len(people) >= page["total"]:
                return people

    def forget(self, identity: str) -> Forgotten:
        """Erase an identity. Raises NotEnrolled."""
        found = self._call("DELETE", f"/v1/identities/{quote(identity, safe='')}")
        return Forgotten((found["identity"],), found["templates"], found["erased"])

    def identify(self, item: Item, k: int = 1) -> list[Match]:
        """At most k identities that the item is the same as, nearest first; [] is nobody."""
        return [answers.match(one) for one in self._post("/v1/identify", [_file("image", item)], {"k": k})["matches"]]

    def search(self, item: Item, k: int = 10, where: Mapping[str, Any] | None = None) -> list[Match]:
        """The k nearest templates, whether or not they are the same."""
        data = {"k": k, "where": json.dumps(dict(where or {}))}
        return [answers.match(one) for one in self._post("/v1/search", [_file("image", item)], data)["matches"]]

    def read(self, item: Item, examples: Sequence[tuple[str, Item]]) -> Reading:
        """Which of the examples' characters is it?"""
        files = [_file("image", item), *(_file("examples", example) for _, example in examples)]
        found = self._post("/v1/read", files, {"names": [name for name, _ in examples]})
        ranking = tuple((one["name"], one["distance"], one["probability"]) for one in found["ranking"])
        return Reading(found["unknown"], ranking)

    def anomaly(self, item: Item, *, heat: bool = False) -> Anomaly:
        """How strange is it?"""
        found = self._post("/v1/anomaly", [_file("image", item)], {"heat": str(heat).lower()})
        drawn = answers.picture(found["heat"]) if found["heat"] else None
        return Anomaly(found["alarm"], found["p"], found["rate"], found["distance"], found["threshold"], drawn)

    def compare_texts(self, first: str, second: str, *, language: str = "") -> Compared:
        """What two texts share; `language` is a source file's ending, such as py."""
        body = {"first": first, "second": second, "language": language}
        found = self._call("POST", "/v1/texts/compare", json=body)
        copied, meaning = found["copied"], found["meaning"]
        known = meaning is not None and meaning["same"] is not None
        return Compared(
            answers.decision(copied), copied["share_first"], copied["share_second"], copied["verbatim"],
            answers.pieces(copied["first"]), answers.pieces(copied["second"]),
            answers.decision(meaning) if known else None,
        )  # fmt: skip

    def model(self) -> ServedModel:
        """What is served, and what this key may do."""
        found = self._call("GET", "/v1/model")
        rule = found["rule"]
        return ServedModel(
            found["fingerprint"], found["kind"], found["dim"], found["comparison"],
            rule["threshold"] if rule else None, tuple(found["scopes"]), found["offers"], found["card"], found,
        )  # fmt: skip

    def ready(self) -> bool:
        """Whether the server answers and can do its work."""
        try:
            return bool(self._http.get("/readyz").status_code == 200)
        except self._unreached:
            return False

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _verify(self, first: Item, second: Item | None, identity: str | None, *, explain: bool) -> Any:
        if (second is None) == (identity is None):
            raise ConfigError("verify takes two items, or one and an identity.")
        files = [_file("first", first)] + ([_file("second", second)] if second is not None else [])
        data = {"explain": str(explain).lower()} | ({"identity": identity} if identity is not None else {})
        return self._post("/v1/verify", files, data)

    def _post(self, path: str, files: Sequence[Any], data: Mapping[str, Any], *, again: bool = True) -> Any:
        return self._call("POST", path, again=again, files=files, data=data)

    def _call(self, method: str, path: str, *, again: bool = True, **more: Any) -> Any:
        for left in range(self._retries, -1, -1):
            try:
                answer = self._http.request(method, path, **more)
            except self._unreached as error:
                raise ServerError(
                    f"{self._url}: no server answers there ({type(error).__name__}). Next: start it, or check the "
                    "address; whether a change was made is not known.", "unreachable",
                ) from error  # fmt: skip
            if answer.is_success:
                return answer.json()
            problem = _problem(answer)
            # Refused at the gate: nothing was begun, so even an enrolment may be sent again.
            begun = problem.code not in ("rate_limited", "overloaded", "stopping")
            if not left or answer.status_code not in _AGAIN or (begun and not again):
                raise _error(problem)
            time.sleep(min(_LONGEST_S, float(answer.headers.get("retry-after", "1"))))
        raise AssertionError  # the loop returns or raises


def _problem(answer: httpx.Response) -> ServerError:
    try:
        found = answer.json()
        text = f"{found['detail']} Next: {found['next']}" if found.get("next") else str(found["detail"])
        return ServerError(text, found["code"], answer.status_code, found.get("request_id", ""))
    except (ValueError, KeyError, TypeError):
        return ServerError(f"the server answered {answer.status_code}, which this client does not know.", "unknown",
                           answer.status_code)  # fmt: skip


def _error(problem: ServerError) -> errors.TwinnetError:
    if problem.code in ("unreadable_image", "unsupported_format"):
        item, _, reason = str(problem).partition(": ")
        return UnreadableItem(item, reason)
    kind = _OF.get(problem.code)
    return kind(str(problem)) if kind else problem


def _file(field: str, item: Item) -> tuple[str, tuple[str, bytes, str]]:
    """The content alone is sent, under a name that says nothing."""
    return field, ("image", _bytes(item), "application/octet-stream")


def _bytes(item: Item) -> bytes:
    if isinstance(item, np.ndarray):
        from PIL import Image

        from twinnet.data.decode import decode

        pixels, out = decode(item), io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(out, "PNG")
        return out.getvalue()
    return read_bytes(Path(item) if isinstance(item, str) else item, _name(item))


def _name(item: Item) -> str:
    return str(item) if isinstance(item, str | Path) else "item"
