"""Where a gallery on a server lies: `milvus://host:19530/name`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from twinnet.core.errors import ConfigError

TOKEN_VARIABLE = "TWINNET_MILVUS_TOKEN"  # noqa: S105  (the variable's name)
"""`user:password` or an API key. Not part of the address, so that it stands in no shell history and no log."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")  # Milvus's own rule for collections, with room for our suffix
_SCHEMES = {"milvus": "http", "milvus+tls": "https"}


@dataclass(frozen=True, slots=True)
class Address:
    """`uri` is the server's, as pymilvus takes it; `name` is the gallery's there."""

    uri: str
    name: str

    @classmethod
    def of(cls, text: str) -> Address:
        """From `milvus://host[:port]/name`, or `milvus+tls://…`. Raises ConfigError."""
        parts = urlsplit(text)
        if parts.username or parts.password:
            raise ConfigError(
                f"{parts.hostname}: no password in the address, please. Next: put user:password into {TOKEN_VARIABLE}."
            )
        name = parts.path.strip("/")
        try:
            port = parts.port or 19530
        except ValueError:
            port = 0
        if parts.scheme not in _SCHEMES or not parts.hostname or not port:
            raise ConfigError(f"{text}: no address of a gallery. Next: write milvus://host:19530/name.")
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{text}: {name or 'an empty name'!r} cannot name a gallery on Milvus. "
                "Next: use letters, digits and _, beginning with a letter or _, at most 200."
            )
        if name.endswith("_ledger"):
            raise ConfigError(f"{text}: names that end in _ledger are ours. Next: choose another name.")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(f"{_SCHEMES[parts.scheme]}://{host}:{port}", name)

    def __str__(self) -> str:
        return f"{self.uri}/{self.name}"


def is_address(path: object) -> bool:
    """Whether a gallery's place is on a server, not a folder."""
    return isinstance(path, str) and path.split("://", 1)[0] in _SCHEMES and "://" in path
