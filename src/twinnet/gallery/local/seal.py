"""Encryption at rest: each value by AES-256-GCM, keys from a passphrase by scrypt; or none of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any, Protocol

from twinnet.core.errors import WrongKey
from twinnet.core.extras import require

KEY_VARIABLE = "TWINNET_GALLERY_KEY"
_PROOF = b"twinnet gallery"
_NONCE = 12


class Seal(Protocol):
    """Turns values into what stands in the record. `place` ties a value to its owner: moved, it does not open."""

    facts: dict[str, str]

    def handle(self, name: str) -> bytes:
        """What an identity is looked up by."""
        ...

    def close(self, value: bytes, place: bytes) -> bytes: ...

    def open(self, value: bytes, place: bytes) -> bytes: ...


class Open:
    """No encryption."""

    facts: dict[str, str] = {}  # noqa: RUF012  (a constant)

    def handle(self, name: str) -> bytes:
        """The name itself."""
        return name.encode()

    def close(self, value: bytes, place: bytes) -> bytes:
        """As it is."""
        return value

    def open(self, value: bytes, place: bytes) -> bytes:
        """As it is."""
        return value


class Sealed:
    """AES-256-GCM with a random nonce per value; names are looked up by their HMAC, which does not reveal them."""

    def __init__(self, key: str, facts: Mapping[str, Any] | None = None) -> None:
        """New, or of an existing gallery's `facts`. Raises WrongKey, or MissingExtra without `cryptography`."""
        ciphers = require("cryptography.hazmat.primitives.ciphers.aead", "encrypt")
        if len(key) < 8:
            raise WrongKey("a key needs at least 8 characters. Next: 32 random ones, as `openssl rand -hex 16` gives.")
        salt = base64.b64decode(facts["salt"]) if facts else os.urandom(16)
        # scrypt (RFC 7914) makes guessing a passphrase slow; 2^15 × 8 takes 32 MiB and about 0.1 s.
        secret = hashlib.scrypt(key.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=64)
        self._cipher, self._lookup = ciphers.AESGCM(secret[:32]), secret[32:]
        if facts:
            self.facts = dict(facts)
            self.open(base64.b64decode(facts["proof"]), b"proof")
        else:
            proof = self.close(_PROOF, b"proof")
            self.facts = {"salt": base64.b64encode(salt).decode(), "proof": base64.b64encode(proof).decode()}

    def handle(self, name: str) -> bytes:
        """HMAC-SHA-256 of the name."""
        return hmac.digest(self._lookup, name.encode(), "sha256")

    def close(self, value: bytes, place: bytes) -> bytes:
        """Nonce and ciphertext."""
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._cipher.encrypt(nonce, value, place)
        return nonce + sealed

    def open(self, value: bytes, place: bytes) -> bytes:
        """Raises WrongKey for another key, and as well for a value that somebody changed or moved."""
        errors = require("cryptography.exceptions", "encrypt")
        try:
            opened: bytes = self._cipher.decrypt(value[:_NONCE], value[_NONCE:], place)
        except (errors.InvalidTag, ValueError):
            raise WrongKey(
                "the key does not open this gallery, or its content was altered. "
                f"Next: give the key it was made with, in {KEY_VARIABLE} or with --key-file."
            ) from None
        return opened


def seal_for(facts: Mapping[str, str], key: str | None) -> Seal:
    """The seal of an existing gallery, by the facts it keeps of its encryption (empty: none)."""
    if not facts:
        return Open()  # a key in the environment may be meant for another gallery
    if not key:
        raise WrongKey(f"this gallery is encrypted. Next: give its key in {KEY_VARIABLE} or with --key-file.")
    return Sealed(key, facts)
