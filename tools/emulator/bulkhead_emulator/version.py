"""The one MiniStack version these extensions are written for.

The extensions replace functions inside MiniStack. Another version may have moved or mended what they
replace, so a run on anything else would be a guess about isolation: it is refused.
"""

from __future__ import annotations

from importlib import metadata

MINISTACK_VERSION = "1.5.33"


class WrongMiniStack(RuntimeError):
    """MiniStack is missing, or not the pinned version."""


def require_pinned_ministack() -> None:
    """Raise :class:`WrongMiniStack`, saying what to do, unless the pinned version is installed."""
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        found = None
    if found != MINISTACK_VERSION:
        raise WrongMiniStack(
            f"the emulator needs ministack {MINISTACK_VERSION}, found {found or 'none'}; "
            f"install it into this environment: pip install 'ministack[full]=={MINISTACK_VERSION}'"
        )
