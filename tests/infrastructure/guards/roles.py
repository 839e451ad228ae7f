"""Roles: which role has which right, and what the tenant role requires of a session."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infrastructure.guards.template import Statement, Template, names, text
from tools.deploy.models import MAX_ARNS

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
    **_session_rights("IngestionRole"),
    **_session_rights("SchedulerRole"),
    **_session_rights("ControlRole"),
    **_rights(
        "AuthorizerRole", ["dynamodb:GetItem"], "${RegistryTableArn}", "reads whether a tenant is known and active"
    ),
    **_rights(
        "AuthorizerRole",
        ["dynamodb:GetItem"],
        "${ApiKeysTableArn}",
        "reads one API key by its id: a digest and a role; its name is sealed. Cannot list or write keys",
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
    **_rights("ControlRole", ["kms:CreateKey"], "*", "creates a tenant's own key; the key's policy grants the rest"),
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
    **_rights("IntakeRole", ["sqs:SendMessage"], "${Jobs.Arn}", "forwards the names of stored objects"),
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
    **{
        right: why
        for role in ("InferenceRole", "IngestionRole")
        for right, why in _rights(
            role,
            ["secretsmanager:GetSecretValue"],
            "${ModelKeySecretArn}",
            "reads the key of the stage's endpoint of models, the same for every tenant",
        ).items()
    },
    **_rights("DispatchRole", ["dynamodb:UpdateItem"], "${WorkerSlots.Arn}", "counts each tenant's workers"),
    **_rights(
        "SchedulerRole", ["dynamodb:GetItem"], "${WorkerSlots.Arn}", "requeues no more jobs than there are worker slots"
    ),
    **_rights(
        "SchedulerRole", ["events:PutEvents"], "${Events.Arn}", "publishes which document changed; ids and no text"
    ),
    **_rights("SchedulerRole", ["sqs:SendMessage"], "${Jobs.Arn}", "requeues jobs sealed to their tenants"),
    **_rights(
        "SchedulerRole", ["lambda:InvokeFunction"], "${Scheduler.Arn}", "shares a large sweep with further invocations"
    ),
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


# At least 16 characters, the shortest tenant id.
_ANY_TENANT = "?" * 16 + "*"
# The quotas of IAM: a trust policy, and all inline policies of a role, in characters without white space.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_TRUST_LIMIT, _INLINE_LIMIT = 2_048, 10_240
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
# The longest value of each parameter in a policy, by the patterns and limits of AWS and of our templates.
_LONGEST = {
    "AWS::AccountId": "1" * 12,
    "AWS::Region": "ap-southeast-9",
    "Stage": "s" * 12,
    "Tier": "t" * 12,
    "OnlyTenant": "o" * 32,
    "Model": "m" * 140,
    "EmbeddingModel": "m" * 140,
    # As long as tools.deploy.models allows. The policy with a guardrail names them twice.
    "ChatArns": "c" * (MAX_ARNS // 2),
    "EmbeddingArns": "",
    "ProfileArns": "",
    "ProfileModelArns": "",
    "GuardrailId": "g" * 64,
    "GuardrailVersion": "1" * 8,
}
# An ARN with the longest name of the service, for what CloudFormation names or a parameter gives.
_LONGEST_ARN = {
    "Role": "arn:{partition}:iam::111111111111:role/" + "r" * 64,
    "Table": "arn:{partition}:dynamodb:ap-southeast-9:111111111111:table/" + "t" * 255,
    "Log": "arn:{partition}:logs:ap-southeast-9:111111111111:log-group:" + "l" * 512 + ":*",
    "Other": "arn:{partition}:lambda:ap-southeast-9:111111111111:function:" + "f" * 80,
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


def policies_fit_into_a_role(template: Template) -> Iterator[str]:
    """IAM refuses a longer policy when the stack is deployed: so counts with the longest names, in each partition."""
    for role, properties in template.of("AWS::IAM::Role"):
        inline = [policy for name, policy in template.identity_policies() if name == role]
        inline += [
            attached["PolicyDocument"]
            for _, attached in template.of("AWS::IAM::Policy")
            if {"Ref": role} in attached["Roles"]
        ]
        trust = max(_longest(properties["AssumeRolePolicyDocument"], each) for each in _PARTITIONS)
        rights = max(sum(_longest(policy, each) for policy in inline) for each in _PARTITIONS)
        if trust > _TRUST_LIMIT:
            yield f"{role}: its trust policy may have {trust} characters, more than {_TRUST_LIMIT}"
        if rights > _INLINE_LIMIT:
            yield f"{role}: its inline policies may have {rights} characters, more than {_INLINE_LIMIT}"


def _longest(policy: Any, partition: str) -> int:
    """Returns the length of a policy whose references have their longest values."""

    def value(name: str) -> str:
        if name == "AWS::Partition":
            return partition
        if name in _LONGEST:
            return _LONGEST[name]
        kinds = {"Role.Arn": "Role", "TableArn": "Table", "Backlog.Arn": "Table", "WorkerSlots.Arn": "Table"}
        kind = next((kind for end, kind in kinds.items() if name.endswith(end)), "Log" if "Log" in name else "Other")
        return _LONGEST_ARN[kind].format(partition=partition)

    def filled(part: Any) -> Any:
        if isinstance(part, list):
            return [filled(each) for each in part]
        if isinstance(part, dict) and set(part) in ({"Ref"}, {"Fn::GetAtt"}, {"Fn::Sub"}):
            # `${!x}` is a policy variable, which stays in the policy.
            pattern = text(part) if "Fn::Sub" not in part else part["Fn::Sub"].replace("${!", "$\0{")
            return re.sub(r"\$\{([^}]+)\}", lambda found: value(found[1]), pattern).replace("$\0{", "${")
        return {key: filled(each) for key, each in part.items()} if isinstance(part, dict) else part

    return len(json.dumps(filled(policy), separators=(",", ":")))


def operators_call_only_the_control_function(template: Template) -> Iterator[str]:
    """The operator role trusts the given principals, with MFA if asked, and takes no session of a tenant."""
    for role, properties in template.of("AWS::IAM::Role"):
        if "operator" not in text(properties.get("RoleName", "")):
            continue
        expected = {"Bool": {"aws:MultiFactorAuthPresent": "true"}} if template.conditions.get("Mfa") else {}
        for statement in template.trust(role):
            if statement.body.get("Principal") != {"AWS": {"Ref": "OperatorPrincipals"}}:
                yield f"{statement.name}: trusts {text(statement.body.get('Principal'))}, not OperatorPrincipals"
            if statement.body.get("Condition", {}) != expected:
                yield f"{statement.name}: its condition is not {expected}"
            if set(statement.actions) != {"sts:AssumeRole", "sts:SetSourceIdentity"}:
                yield f"{statement.name}: trusts {statement.actions}"
        for tenant in tenant_roles(template):
            for statement in template.trust(tenant):
                if statement.allows and role in names(statement.body.get("Principal")):
                    yield f"{statement.name}: lets {role} take a tenant's session without a recorded run"


def functions_write_one_log(template: Template) -> Iterator[str]:
    """The managed policy of a function covers every log group. A Deny leaves the tier's own."""
    functions = {
        found
        for _, properties in template.of("AWS::Lambda::Function")
        for found in names(properties["Role"]) | names(properties.get("LoggingConfig", {}))
        if found.endswith("Role") and "LogGroup" in properties.get("LoggingConfig", {})
    }
    for role in sorted(functions):
        if not any(_denies_other_logs(each.body) for each in template.rights(role)):
            yield f"{role}: may write to every log group"


_LOG = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${FunctionLog}"


def _denies_other_logs(body: dict) -> bool:
    return (
        body["Effect"] == "Deny"
        and body.get("Action") == "logs:*"
        and [text(each) for each in body.get("NotResource", [])] == [_LOG, "${FunctionLog.Arn}"]
        and "Condition" not in body
    )


def _denies_other_names(statement: Statement) -> bool:
    return {key: value for key, value in statement.body.items() if key != "Sid"} == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Condition": {"StringNotEquals": {"sts:RoleSessionName": "${aws:RequestTag/TenantId}"}},
    }


def tenant_role_trusts_by_name_and_tag(template: Template) -> Iterator[str]:
    """Trusts only sessions with exactly one tag, the tenant id, which is also the session name."""
    silo = template.conditions.get("Silo", False)
    tag = "${OnlyTenant}" if silo else _ANY_TENANT
    for role in tenant_roles(template):
        if not any(_denies_other_names(each) for each in template.trust(role)):
            yield f"{role}: trusts a session that is not named after its tenant"
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
            if text(statement.keys("stringlike").get("aws:requesttag/tenantid")) != tag:
                yield f"{statement.name}: trusts a session whose tag TenantId is not like {tag}"
            tags = statement.keys("forallvalues:stringequals").get("aws:tagkeys")
            if tags not in ("TenantId", ["TenantId"]):
                yield f"{statement.name}: trusts a session with tags other than TenantId"
            for action in set(statement.actions) - {"sts:AssumeRole", "sts:TagSession"}:
                yield f"{statement.name}: trusts {action}"
