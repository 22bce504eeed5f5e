"""What content is known by: digests of one kind, and of one length but where a name has to be short."""

from __future__ import annotations

from hashlib import blake2b

DIGEST_BYTES = 16


def new_digest(content: bytes = b"", size: int = DIGEST_BYTES) -> blake2b:
    """Return a digest of ``size`` bytes that takes content piece by piece."""
    return blake2b(content, digest_size=size)


def digest_of(content: bytes, size: int = DIGEST_BYTES) -> str:
    """Return the digest of some content, in hexadecimal digits, two for each byte of ``size``."""
    return new_digest(content, size).hexdigest()
