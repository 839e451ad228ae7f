"""Lambda: an environment per tenant, the limits of Invoke, and who may invoke."""

from . import asynchronous, environments, event_sources, invocation, permissions, processes, provisioning, quotas


def install() -> None:
    for part in (environments, processes, event_sources, invocation, asynchronous, permissions, quotas, provisioning):
        part.install()
