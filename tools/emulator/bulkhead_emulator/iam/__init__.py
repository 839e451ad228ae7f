"""IAM: the action of a request and the evaluation of policies, as documented by AWS."""

from . import actions, evaluation, principal


def install() -> None:
    actions.install()
    evaluation.install()
    principal.install()
