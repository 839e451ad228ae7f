"""Guards over the expanded templates: each takes a template and says what is wrong with it.

A guard is a plain function from one :class:`Template` to complaints, so that a test can hand it a
template with a known fault and see that it notices.
"""

from __future__ import annotations

from tests.infrastructure.guards.api import (
    authorizers_know_what_selects_the_tenant,
    every_call_is_counted,
    the_tenant_comes_from_the_authorizer,
)
from tests.infrastructure.guards.buckets import buckets_are_closed
from tests.infrastructure.guards.functions import (
    CONCURRENCY,
    functions_reserve_concurrency,
    permissions_name_their_source,
    tenant_functions_have_no_event_source,
)
from tests.infrastructure.guards.identity import a_persons_tenant_is_not_theirs_to_choose
from tests.infrastructure.guards.observability import (
    access_logs_hold_no_content,
    alarms_have_a_runbook,
    alarms_tell_the_topic,
    metrics_are_emitted,
    no_tenant_is_a_dimension,
)
from tests.infrastructure.guards.policies import WILDCARDS, allows_are_spelled_out, for_all_values_is_guarded
from tests.infrastructure.guards.roles import (
    MANAGED,
    RIGHTS,
    only_the_tenant_role_holds_data_rights,
    the_tenant_role_needs_its_tag,
    the_tenant_role_trusts_by_name_and_tag,
)
from tests.infrastructure.guards.tags import TAGLESS, everything_is_tagged
from tests.infrastructure.guards.template import Template, complaints, notices

GUARDS = (
    for_all_values_is_guarded,
    allows_are_spelled_out,
    only_the_tenant_role_holds_data_rights,
    the_tenant_role_needs_its_tag,
    the_tenant_role_trusts_by_name_and_tag,
    the_tenant_comes_from_the_authorizer,
    every_call_is_counted,
    authorizers_know_what_selects_the_tenant,
    tenant_functions_have_no_event_source,
    functions_reserve_concurrency,
    permissions_name_their_source,
    buckets_are_closed,
    everything_is_tagged,
    a_persons_tenant_is_not_theirs_to_choose,
    alarms_have_a_runbook,
    alarms_tell_the_topic,
    metrics_are_emitted,
    no_tenant_is_a_dimension,
    access_logs_hold_no_content,
)
# Rows that let something pass, each with its reason. A row that nothing needs any more has to go.
EXCEPTIONS = (WILDCARDS, RIGHTS, MANAGED, CONCURRENCY, TAGLESS)

__all__ = ["EXCEPTIONS", "GUARDS", "Template", "complaints", "notices", *(guard.__name__ for guard in GUARDS)]  # noqa: PLE0604
