"""IAM: which action a request is judged as, and how policies are evaluated, as AWS documents both."""

from . import actions, evaluation, principal


def install() -> None:
    actions.install()
    evaluation.install()
    principal.install()
