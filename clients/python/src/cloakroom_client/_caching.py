"""What caches may keep of an answer."""

from __future__ import annotations

HeaderList = list[tuple[bytes, bytes]]
VARY = (b"vary", b"Cookie")


def kept_by_nobody(headers: HeaderList) -> HeaderList:
    """For an answer that was made for one client."""
    kept = [(name, value) for name, value in headers if name.lower() != b"cache-control"]
    return [*kept, (b"cache-control", b"no-store"), VARY]


def kept_by_the_client(headers: HeaderList) -> HeaderList:
    """For one that may yet turn out to be: whoever else asks is not given it."""
    return [*((name, _private(name, value)) for name, value in headers), VARY]


def _private(name: bytes, value: bytes) -> bytes:
    if name.lower() != b"cache-control":
        return value
    parts = [part.strip() for part in value.split(b",")]
    kept = [part for part in parts if not _is_for_shared_caches(part)]
    return value if kept == parts else b", ".join([b"private", *kept])


def _is_for_shared_caches(directive: bytes) -> bool:
    return directive.partition(b"=")[0].strip().lower() in (b"public", b"s-maxage")
