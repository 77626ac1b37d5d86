"""API keys: shown once, kept as hashes, each with what it may do. The file is read again when it changes."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, final, get_args

from twinnet.core.errors import ConfigError
from twinnet.core.whole import whole

Scope = Literal["read", "enrol", "delete"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
FORMAT = 1
_PREFIX = "tw"
_LOOK_S = 1.0  # between two looks at the file


@dataclass(frozen=True, slots=True)
class Key:
    """One key without its secret. `expires` is in seconds since 1970, or None."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    hash: str
    created: float
    expires: float | None = None

    def lives(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


@final
class KeyRing:
    """The keys of one file. Raises ConfigError for a file that is none."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._looked, self._stamp = 0.0, (0, 0)
        self.keys: dict[str, Key] = {}
        self._read()

    def find(self, token: str) -> Key | None:
        """The living key behind a token. Takes as long for a wrong secret as for a right one."""
        self._look_again()
        parts = token.split("_", 2)
        known = self.keys.get(parts[1]) if len(parts) == 3 and parts[0] == _PREFIX else None
        right = hmac.compare_digest(_hash(token), known.hash if known else _hash("nobody"))
        return known if known and right and known.lives(time.time()) else None

    def _look_again(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        try:
            if _stamp(self.path) != self._stamp:
                self._read()
        except (OSError, ConfigError):
            return  # half written, or gone for a moment: the keys that were known stay

    def _read(self) -> None:
        self._stamp = _stamp(self.path) if self.path.exists() else (0, 0)
        self.keys = {key.id: key for key in read_keys(self.path)}


def read_keys(path: Path) -> list[Key]:
    """All keys of a file. Raises ConfigError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']!r}")
        return [Key(**{**row, "scopes": _scopes(row["scopes"])}) for row in values["keys"]]
    except OSError as error:
        raise ConfigError(
            f"{path}: the keys cannot be read ({error.strerror or error}). Next: twinnet keys add NAME --keys {path}."
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: this is no file of keys ({error}).") from error


def add_key(path: Path, name: str, scopes: Iterable[str], *, days: float | None = None) -> str:
    """A new key; gives the token, which is nowhere kept. Raises ConfigError for a name in use or an unknown scope."""
    known = read_keys(path) if path.exists() else []
    now = time.time()
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise ConfigError("a key needs a name of 1 to 100 characters.")
    if any(key.name == name and key.lives(now) for key in known):
        raise ConfigError(f"there is a key {name!r} already. Next: twinnet keys rotate {name}, or take another name.")
    token, key = _made(name, _scopes(scopes), now, None if days is None else now + 86400 * days)
    _write(path, [*known, key])
    return token


def rotate_key(path: Path, name: str, *, grace_s: float = 86400.0) -> str:
    """A new token for a name, with the same scopes; the old one lives `grace_s` longer. Raises ConfigError."""
    now, known = time.time(), read_keys(path)
    old = [key for key in known if key.name == name and key.lives(now)]
    if not old:
        raise ConfigError(f"there is no key {name!r}. Next: twinnet keys list.")
    end = now + grace_s
    ends = [replace(key, expires=min(key.expires or end, end)) if key in old else key for key in known]
    token, key = _made(name, old[-1].scopes, now, old[-1].expires)
    _write(path, [*ends, key])
    return token


def revoke_key(path: Path, name: str) -> int:
    """Remove all keys of a name; gives how many. Raises ConfigError where there is none."""
    known = read_keys(path)
    kept = [key for key in known if key.name != name]
    if len(kept) == len(known):
        raise ConfigError(f"there is no key {name!r}. Next: twinnet keys list.")
    _write(path, kept)
    return len(known) - len(kept)


def _made(name: str, scopes: tuple[Scope, ...], now: float, expires: float | None) -> tuple[str, Key]:
    # 256 random bits cannot be guessed, so a plain hash hides them; slow hashes are for words that people choose.
    number = secrets.token_hex(4)
    token = f"{_PREFIX}_{number}_{secrets.token_urlsafe(32)}"
    return token, Key(number, name, scopes, _hash(token), now, expires)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scopes(values: Iterable[str]) -> tuple[Scope, ...]:
    asked = set(values)
    if unknown := sorted(asked - set(SCOPES)):
        raise ConfigError(f"scope {unknown[0]!r} is unknown. Known: {', '.join(SCOPES)}.")
    if not asked:
        raise ConfigError(f"a key needs a scope: {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in asked)


def _write(path: Path, keys: list[Key]) -> None:
    text = json.dumps({"format": FORMAT, "keys": [asdict(key) for key in keys]}, indent=1)
    try:
        with whole(path) as partial:
            partial.touch(0o600)  # nobody else reads it, not even while it is empty
            partial.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: the keys cannot be written ({error.strerror or error}).") from error


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino
