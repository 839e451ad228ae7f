"""Roles: which role has which right, and what the tenant role requires of a session."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infrastructure.guards.template import Statement, Template, text

TAG = "aws:principaltag/tenantid"
_TENANT_ROLE_ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/bulkhead-${Stage}-${Tier}-tenant"
_SESSION_REASON = "opens one tenant's session at a time, the only way to tenant data"
# (role, policy): AWS managed policies that a role may have, "*" for any role. AWS defines their rights.
MANAGED: dict[tuple[str, str], str] = {
    ("*", "AWSLambdaBasicExecutionRole"): "a function writes its log",
    ("*", "AWSXrayWriteOnlyAccess"): "traces, if enabled: times and names of services, no content",
    (
        "ApiGatewayLogs",
        "AmazonAPIGatewayPushToCloudWatchLogs",
    ): "API Gateway writes access logs; it accepts no smaller policy",
}


def _session_rights(role: str) -> dict[tuple[str, str, str], str]:
    return {(role, action, _TENANT_ROLE_ARN): _SESSION_REASON for action in ("sts:AssumeRole", "sts:TagSession")}


def _rights(role: str, actions: list[str], resource: str, why: str) -> dict[tuple[str, str, str], str]:
    return {(role, action, resource): why for action in actions}


# (role, action, resource): all rights of roles other than the tenant role, and why they reach no tenant data.
# The guard refuses every other right.
RIGHTS: dict[tuple[str, str, str], str] = {
    **_session_rights("TemplatesRole"),
    **_session_rights("DocumentsApiRole"),
    **_session_rights("InferenceRole"),
    **_session_rights("IntakeRole"),
    **_session_rights("IngestionRole"),
    **_session_rights("SchedulerRole"),
    **_session_rights("ControlRole"),
    **_session_rights("OperatorRole"),
    **_rights(
        "AuthorizerRole", ["dynamodb:GetItem"], "${RegistryTableArn}", "reads whether a tenant is known and active"
    ),
    **_rights(
        "ControlRole",
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        "${RegistryTableArn}",
        "the registry lists tenants and holds no tenant data",
    ),
    **_rights(
        "ControlRole",
        ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"],
        "${RunsTableArn}",
        "records operators' commands; command lines are sealed to their tenant",
    ),
    **_rights(
        "ControlRole",
        ["s3vectors:CreateIndex"],
        "arn:${AWS::Partition}:s3vectors:${AWS::Region}:${AWS::AccountId}:bucket/bulkhead-${Stage}-${Tier}-*/index/t-*",
        "creates a new tenant's empty index; reads and writes no vectors",
    ),
    **_rights("ControlRole", ["kms:CreateKey", "kms:TagResource"], "*", "creates a tenant's own key with its tag"),
    **_rights(
        "ControlRole",
        ["kms:CreateAlias"],
        "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/bulkhead/${Stage}/t/*",
        "names a tenant's own key; the key's policy limits how long the role may do more",
    ),
    **_rights(
        "ControlRole",
        ["apigateway:GET", "apigateway:POST"],
        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/apikeys",
        "creates the usage key that counts a tenant's calls; it grants no access",
    ),
    **_rights(
        "ControlRole",
        ["apigateway:POST"],
        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/usageplans/${UsagePlan}/keys",
        "adds a tenant to its tier's usage plan",
    ),
    **_rights("IntakeRole", ["sqs:SendMessage"], "${Jobs.Arn}", "sends a job sealed to its tenant"),
    **_rights(
        "IntakeRole", ["sqs:SendMessage"], "${DeadLetters.Arn}", "Lambda sends events there that failed all attempts"
    ),
    **_rights(
        "DispatchRole",
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "${Jobs.Arn}",
        "Lambda's poller receives sealed jobs; dispatch has no session to open them",
    ),
    **_rights(
        "DispatchRole",
        ["lambda:InvokeFunction"],
        "${Scheduler.Arn}",
        "asks the scheduler to requeue a tenant's jobs or to defer one",
    ),
    **_rights(
        "IngestionRole",
        ["lambda:InvokeFunction"],
        "${Extraction.Arn}",
        "lets a function without rights read documents",
    ),
    **_rights("DispatchRole", ["dynamodb:UpdateItem"], "${WorkerSlots.Arn}", "counts each tenant's workers"),
    **_rights(
        "SchedulerRole", ["dynamodb:GetItem"], "${WorkerSlots.Arn}", "requeues no more jobs than there are worker slots"
    ),
    **_rights("SchedulerRole", ["sqs:SendMessage"], "${Jobs.Arn}", "requeues jobs sealed to their tenants"),
    **_rights(
        "SchedulerRole",
        ["dynamodb:GetItem", "dynamodb:Scan"],
        "${Backlog.Arn}",
        "reads which tenants have jobs; only the tenants' sessions read the jobs",
    ),
    **_rights(
        "DispatchRole", ["lambda:InvokeFunction"], "${Ingestion.Arn}", "starts the tenant's worker with a sealed job"
    ),
    **_rights("OperatorRole", ["lambda:InvokeFunction"], "${Control.Arn}", "operators onboard and suspend tenants"),
}


def tenant_roles(template: Template) -> list[str]:
    """Returns the roles whose rights depend on the session's tag."""
    return [
        role
        for role, _ in template.of("AWS::IAM::Role")
        if any(each.allows and "aws:PrincipalTag/" in text(each.body) for each in template.rights(role))
    ]


def only_the_tenant_role_holds_data_rights(template: Template) -> Iterator[str]:
    """Every other role has only the rights in `RIGHTS`; none of them reaches tenant data."""
    tenant = tenant_roles(template)
    for role, properties in template.of("AWS::IAM::Role"):
        for arn in properties.get("ManagedPolicyArns", []):
            policy = text(arn).rpartition("/")[2] if ":iam::aws:policy/" in text(arn) else text(arn)
            if not {(role, policy), ("*", policy)} & MANAGED.keys():
                yield f"{role}: has the managed policy {text(arn)}, which is not listed in MANAGED"
        for statement in template.rights(role) if role not in tenant else []:
            yield from _unlisted(role, statement)
    yield from _unchecked_policies(template)


def _unlisted(role: str, statement: Statement) -> Iterator[str]:
    for action in statement.actions if statement.allows else []:
        for resource in statement.resources:
            if (role, action, resource) not in RIGHTS:
                yield (
                    f"{statement.resource}: {role} may {action} on {resource}; give data rights to the tenant role, "
                    "list any other right with its reason in RIGHTS (tests/infrastructure/guards/roles.py)"
                )


def _unchecked_policies(template: Template) -> Iterator[str]:
    """Reports policies attached to principals that no guard checks."""
    roles = {role for role, _ in template.of("AWS::IAM::Role")}
    for name, properties in template.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        attached = [*properties.get("Roles", []), *([properties["RoleName"]] if "RoleName" in properties else [])]
        if properties.get("Users") or properties.get("Groups"):
            yield f"{name}: gives rights to users or groups"
        if not attached or any(not isinstance(each, dict) or each.get("Ref") not in roles for each in attached):
            yield f"{name}: is attached to something other than a role of this template"
    for kind in ("AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::AccessKey"):
        for name, _ in template.of(kind):
            yield f"{name}: {kind}; people use roles"


def tenant_role_requires_its_tag(template: Template) -> Iterator[str]:
    """A session without the tag has no rights, and no tag of the role replaces it."""
    for role, properties in template.of("AWS::IAM::Role"):
        for tag in properties.get("Tags", []):
            # AWS compares tag keys without case.
            if str(tag["Key"]).lower() == "tenantid":
                yield f"{role}: is tagged {tag['Key']}, which becomes the tenant of every session without a tag"
    roles = tenant_roles(template)
    if template.file == "infra/tier.yaml" and not roles:
        yield "no role's rights depend on the session's tag; adapt this guard"
    for role in roles:
        if not any(_denies_without_tag(each.body) for each in template.rights(role)):
            yield f"{role}: does not deny everything to a session without the tag TenantId"


def _denies_without_tag(body: dict) -> bool:
    condition = {
        operator.lower(): {key.lower(): str(value).lower() for key, value in block.items()}
        for operator, block in body.get("Condition", {}).items()
    }
    return (body["Effect"], body.get("Action"), body.get("Resource")) == ("Deny", "*", "*") and condition == {
        "null": {TAG: "true"}
    }


def tenant_role_trusts_by_name_and_tag(template: Template) -> Iterator[str]:
    """Trusts only sessions with exactly one tag, the tenant id, which is also the session name."""
    for role in tenant_roles(template):
        for statement in template.trust(role):
            if not statement.allows:
                continue
            principals = statement.body.get("Principal")
            principal_text = text(principals)
            if (
                not isinstance(principals, dict)
                or set(principals) != {"AWS"}
                or '"*"' in principal_text
                or ":root" in principal_text
            ):
                yield f"{statement.name}: trusts {principal_text}; name the roles"
            if "aws:requesttag/tenantid" not in statement.keys("stringlike", "stringequals"):
                yield f"{statement.name}: trusts a session without the tag TenantId"
            if "sts:AssumeRole" in statement.actions:
                named = statement.keys("stringequals").get("sts:rolesessionname")
                if named != "${aws:RequestTag/TenantId}":
                    yield f"{statement.name}: trusts a session that is not named after its tenant"
            if "sts:TagSession" in statement.actions:
                tags = statement.keys("forallvalues:stringequals").get("aws:tagkeys")
                if tags not in ("TenantId", ["TenantId"]):
                    yield f"{statement.name}: trusts a session with tags other than TenantId"
            for action in set(statement.actions) - {"sts:AssumeRole", "sts:TagSession"}:
                yield f"{statement.name}: trusts {action}"
