"""KMS: condition keys and authenticated ciphertexts."""

from . import authorization, ciphertexts


def install() -> None:
    authorization.install()
    ciphertexts.install()
