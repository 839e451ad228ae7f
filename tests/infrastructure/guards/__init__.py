"""Guards over the expanded templates: each reports what is wrong with a template.

A guard is a function from one :class:`Template` to complaints, so that a test can give it a template with a
known fault.
"""

from __future__ import annotations

from tests.infrastructure.guards.api import (
    authorizers_cache_by_token,
    authorizers_refuse_malformed_tokens,
    bodies_arrive_unaltered,
    paths_refuse_other_methods,
    stages_limit_every_method,
    streams_are_passed_on,
    tenant_comes_from_the_authorizer,
    usage_plan_counts_every_call,
)
from tests.infrastructure.guards.buckets import buckets_are_private_and_encrypted
from tests.infrastructure.guards.functions import (
    CONCURRENCY,
    functions_reserve_concurrency,
    permissions_name_their_source,
    tenant_functions_have_no_event_source,
)
from tests.infrastructure.guards.identity import users_cannot_set_their_tenant
from tests.infrastructure.guards.observability import (
    access_logs_hold_no_content,
    alarms_have_a_runbook,
    alarms_notify_the_topic,
    metrics_are_emitted,
    metrics_have_no_tenant_dimension,
)
from tests.infrastructure.guards.policies import (
    WILDCARDS,
    allows_name_actions_and_resources,
    for_all_values_has_a_null_check,
)
from tests.infrastructure.guards.roles import (
    MANAGED,
    RIGHTS,
    functions_write_one_log,
    only_the_tenant_role_holds_data_rights,
    operators_call_only_the_control_function,
    policies_fit_into_a_role,
    tenant_role_requires_its_tag,
    tenant_role_trusts_by_name_and_tag,
)
from tests.infrastructure.guards.scopes import (
    guardrail_is_required,
    policies_deny_other_tenants,
    silo_reads_only_its_tenant,
    tenant_role_reaches_one_tenant,
)
from tests.infrastructure.guards.tags import TAGLESS, resources_are_tagged
from tests.infrastructure.guards.template import Template, complaints, notices

GUARDS = (
    for_all_values_has_a_null_check,
    allows_name_actions_and_resources,
    only_the_tenant_role_holds_data_rights,
    tenant_role_requires_its_tag,
    tenant_role_trusts_by_name_and_tag,
    tenant_role_reaches_one_tenant,
    policies_deny_other_tenants,
    guardrail_is_required,
    silo_reads_only_its_tenant,
    policies_fit_into_a_role,
    operators_call_only_the_control_function,
    functions_write_one_log,
    tenant_comes_from_the_authorizer,
    usage_plan_counts_every_call,
    authorizers_cache_by_token,
    authorizers_refuse_malformed_tokens,
    bodies_arrive_unaltered,
    paths_refuse_other_methods,
    stages_limit_every_method,
    streams_are_passed_on,
    tenant_functions_have_no_event_source,
    functions_reserve_concurrency,
    permissions_name_their_source,
    buckets_are_private_and_encrypted,
    resources_are_tagged,
    users_cannot_set_their_tenant,
    alarms_have_a_runbook,
    alarms_notify_the_topic,
    metrics_are_emitted,
    metrics_have_no_tenant_dimension,
    access_logs_hold_no_content,
)
# Exceptions, each with its reason. A row that no template needs fails the test.
EXCEPTIONS = (WILDCARDS, RIGHTS, MANAGED, CONCURRENCY, TAGLESS)

__all__ = ["EXCEPTIONS", "GUARDS", "Template", "complaints", "notices", *(guard.__name__ for guard in GUARDS)]  # noqa: PLE0604
