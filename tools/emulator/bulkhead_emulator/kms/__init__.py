"""KMS: its condition keys, and ciphertexts that cannot be tampered with."""

from . import authorization, ciphertexts


def install() -> None:
    authorization.install()
    ciphertexts.install()
