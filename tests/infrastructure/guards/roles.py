"""Roles: who holds which right, and what the tenant role asks of a session."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infrastructure.guards.template import Statement, Template, text

TAG = "aws:principaltag/tenantid"
_TENANT_ROLE_ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/bulkhead-${Stage}-${Tier}-tenant"
_OPENS_ONE_SESSION = "opens one tenant's session at a time, the only way to tenants' data"
# (role, policy): policies of AWS that a role may have, "*" for any role. Their rights stand elsewhere.
MANAGED: dict[tuple[str, str], str] = {
    ("*", "AWSLambdaBasicExecutionRole"): "a function writes its log",
    ("*", "AWSXrayWriteOnlyAccess"): "traces, where they are on: times and names of services, no content",
    ("ApiGatewayLogs", "AmazonAPIGatewayPushToCloudWatchLogs"): "API Gateway writes access logs, and takes no less",
}


def _session(role: str) -> dict[tuple[str, str, str], str]:
    return {(role, action, _TENANT_ROLE_ARN): _OPENS_ONE_SESSION for action in ("sts:AssumeRole", "sts:TagSession")}


def _each(role: str, actions: list[str], resource: str, why: str) -> dict[tuple[str, str, str], str]:
    return {(role, action, resource): why for action in actions}


# (role, action, resource): everything that a role other than the tenant role may do, and why that
# reaches no tenant's data. Whatever is not here is refused.
RIGHTS: dict[tuple[str, str, str], str] = {
    **_session("TemplatesRole"),
    **_session("DocumentsApiRole"),
    **_session("InferenceRole"),
    **_session("IntakeRole"),
    **_session("IngestionRole"),
    **_session("SchedulerRole"),
    **_session("ControlRole"),
    **_session("OperatorRole"),
    **_each("AuthorizerRole", ["dynamodb:GetItem"], "${RegistryTableArn}", "is this tenant known and active"),
    **_each(
        "ControlRole",
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        "${RegistryTableArn}",
        "the registry says which tenants exist and holds nothing of theirs",
    ),
    **_each(
        "ControlRole",
        ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"],
        "${RunsTableArn}",
        "notes what operators ran in whose session; command lines are sealed to their tenant",
    ),
    **_each(
        "ControlRole",
        ["s3vectors:CreateIndex"],
        "arn:${AWS::Partition}:s3vectors:${AWS::Region}:${AWS::AccountId}:bucket/bulkhead-${Stage}-${Tier}-*/index/t-*",
        "makes a new tenant's empty index; reads and writes no vector",
    ),
    **_each("ControlRole", ["kms:CreateKey", "kms:TagResource"], "*", "makes a tenant's own key, tagged so"),
    **_each(
        "ControlRole",
        ["kms:CreateAlias"],
        "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/bulkhead/${Stage}/t/*",
        "names a tenant's own key; the key's policy says for how long it may do more",
    ),
    **_each(
        "ControlRole",
        ["apigateway:GET", "apigateway:POST"],
        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/apikeys",
        "makes the key that a tenant's calls are counted by; the authorizer names it, it opens nothing",
    ),
    **_each(
        "ControlRole",
        ["apigateway:POST"],
        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/usageplans/${UsagePlan}/keys",
        "counts a tenant by its tier's usage plan",
    ),
    **_each("IntakeRole", ["sqs:SendMessage"], "${Jobs.Arn}", "hands on a job sealed to its tenant"),
    **_each("IntakeRole", ["sqs:SendMessage"], "${DeadLetters.Arn}", "Lambda puts an event there that it gave up"),
    **_each(
        "DispatchRole",
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "${Jobs.Arn}",
        "Lambda's poller receives sealed jobs; without a session nobody here can open one",
    ),
    **_each(
        "DispatchRole", ["lambda:InvokeFunction"], "${Scheduler.Arn}", "asks for its tenant's next jobs, by its name"
    ),
    **_each(
        "IngestionRole",
        ["lambda:InvokeFunction"],
        "${Extraction.Arn}",
        "has documents read by a function without rights",
    ),
    **_each("DispatchRole", ["dynamodb:UpdateItem"], "${WorkerSlots.Arn}", "counts each tenant's workers"),
    **_each("SchedulerRole", ["dynamodb:GetItem"], "${WorkerSlots.Arn}", "brings no more jobs back than have a worker"),
    **_each("SchedulerRole", ["sqs:SendMessage"], "${Jobs.Arn}", "sends jobs again that are sealed to their tenants"),
    **_each(
        "SchedulerRole",
        ["dynamodb:GetItem", "dynamodb:Scan"],
        "${Backlog.Arn}",
        "reads which tenants have something to do; what it is, only their sessions read",
    ),
    **_each("DispatchRole", ["lambda:InvokeFunction"], "${Ingestion.Arn}", "hands a sealed job to its tenant's worker"),
    **_each("OperatorRole", ["lambda:InvokeFunction"], "${Control.Arn}", "operators onboard and suspend tenants"),
}


def tenant_roles(template: Template) -> list[str]:
    """Roles whose rights are spelled out by the session's tag."""
    return [
        role
        for role, _ in template.of("AWS::IAM::Role")
        if any(each.allows and "aws:PrincipalTag/" in text(each.body) for each in template.rights(role))
    ]


def only_the_tenant_role_holds_data_rights(template: Template) -> Iterator[str]:
    """Every other role has exactly the rights of `RIGHTS`, none of them to tenants' data."""
    tenant = tenant_roles(template)
    for role, properties in template.of("AWS::IAM::Role"):
        for arn in properties.get("ManagedPolicyArns", []):
            policy = text(arn).rpartition("/")[2] if ":iam::aws:policy/" in text(arn) else text(arn)
            if not {(role, policy), ("*", policy)} & MANAGED.keys():
                yield f"{role}: has the managed policy {text(arn)}, whose rights stand elsewhere"
        for statement in template.rights(role) if role not in tenant else []:
            yield from _unlisted(role, statement)
    yield from _of_nobody_here(template)


def _unlisted(role: str, statement: Statement) -> Iterator[str]:
    for action in statement.actions if statement.allows else []:
        for resource in statement.resources:
            if (role, action, resource) not in RIGHTS:
                yield (
                    f"{statement.resource}: {role} may {action} on {resource}; data belongs to the tenant role, "
                    "anything else into RIGHTS (tests/infrastructure/guards/roles.py) with its reason"
                )


def _of_nobody_here(template: Template) -> Iterator[str]:
    """Policies attached to something that no guard follows."""
    roles = {role for role, _ in template.of("AWS::IAM::Role")}
    for name, properties in template.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        attached = [*properties.get("Roles", []), *([properties["RoleName"]] if "RoleName" in properties else [])]
        if properties.get("Users") or properties.get("Groups"):
            yield f"{name}: gives rights to users or groups"
        if not attached or any(not isinstance(each, dict) or each.get("Ref") not in roles for each in attached):
            yield f"{name}: is attached to something other than a role of this template"
    for kind in ("AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::AccessKey"):
        for name, _ in template.of(kind):
            yield f"{name}: {kind}; people come by roles"


def the_tenant_role_needs_its_tag(template: Template) -> Iterator[str]:
    """A session without the tag has nothing, and the role has no tag that would stand in for it."""
    for role, properties in template.of("AWS::IAM::Role"):
        for tag in properties.get("Tags", []):
            # Tag keys are compared without regard to case.
            if str(tag["Key"]).lower() == "tenantid":
                yield f"{role}: is tagged {tag['Key']}, which is the tenant of every session that forgets its own"
    found = tenant_roles(template)
    if template.file == "infra/tier.yaml" and not found:
        yield "no role's rights are spelled out by the session's tag; adapt this guard to what replaced it"
    for role in found:
        if not any(_denies_without_tag(each.body) for each in template.rights(role)):
            yield f"{role}: has no Deny of everything to a session without the tag TenantId"


def _denies_without_tag(body: dict) -> bool:
    condition = {
        operator.lower(): {key.lower(): str(value).lower() for key, value in block.items()}
        for operator, block in body.get("Condition", {}).items()
    }
    return (body["Effect"], body.get("Action"), body.get("Resource")) == ("Deny", "*", "*") and condition == {
        "null": {TAG: "true"}
    }


def the_tenant_role_trusts_by_name_and_tag(template: Template) -> Iterator[str]:
    """Exactly one tag, a whole tenant id, and the session is named after it."""
    for role in tenant_roles(template):
        for statement in template.trust(role):
            if not statement.allows:
                continue
            principals = statement.body.get("Principal")
            given = text(principals)
            if not isinstance(principals, dict) or set(principals) != {"AWS"} or '"*"' in given or ":root" in given:
                yield f"{statement.name}: trusts {given}; name the roles"
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
