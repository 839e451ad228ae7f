"""The MiniStack version that the extensions support.

The extensions replace functions inside MiniStack. Another version may have moved or fixed these functions, so the
emulator refuses to start with it.
"""

from __future__ import annotations

from importlib import metadata

MINISTACK_VERSION = "1.5.33"


class WrongMiniStack(RuntimeError):
    """MiniStack is missing or has another version."""


def require_pinned_ministack() -> None:
    """Raises :class:`WrongMiniStack` unless the pinned version is installed."""
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        found = None
    if found != MINISTACK_VERSION:
        raise WrongMiniStack(
            f"the emulator needs ministack {MINISTACK_VERSION}, found {found or 'none'}; "
            f"install it into this environment: pip install 'ministack[full]=={MINISTACK_VERSION}'"
        )
