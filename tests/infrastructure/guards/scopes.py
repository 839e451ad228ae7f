"""Scopes: on which resources, and under which conditions, a statement applies.

The other guards check what a statement must contain. A statement can contain the tenant and still reach others: a
wildcard before the tenant's id, one more resource, one more value. So these guards compare the whole scope of
every statement that keeps tenants apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.infrastructure.guards.roles import tenant_roles
from tests.infrastructure.guards.template import Statement, Template, as_list, text

_TAG = "${aws:PrincipalTag/TenantId}"
Condition = dict[str, dict[str, list[str]]]
_OWN_PARTITION: Condition = {
    "forallvalues:stringequals": {"dynamodb:leadingkeys": [f"TENANT#{_TAG}"]},
    "null": {"dynamodb:leadingkeys": ["false"], "aws:principaltag/tenantid": ["false"]},
}
_OBJECTS = f"${{Documents.Arn}}/t/{_TAG}/*"
_INDEXES = (
    "arn:${AWS::Partition}:s3vectors:${AWS::Region}:${AWS::AccountId}:bucket/bulkhead-${Stage}-${Tier}-*"
    f"/index/t-{_TAG}-*"
)
_MODEL = "arn:${AWS::Partition}:bedrock:${AWS::Region}::foundation-model/"
# Sid → the actions, the resources and the condition of a statement of the tenant role.
TENANT_SCOPES: dict[str, tuple[set[str], set[str], Condition]] = {
    "OwnPartition": (
        {f"dynamodb:{each}" for each in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")},
        {"${DataTableArn}"},
        _OWN_PARTITION,
    ),
    "OwnApiKeys": (
        {f"dynamodb:{each}" for each in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")},
        {"${ApiKeysTableArn}"},
        _OWN_PARTITION,
    ),
    "OwnBacklog": ({"dynamodb:PutItem", "dynamodb:DeleteItem"}, {"${Backlog.Arn}"}, _OWN_PARTITION),
    "OwnObjects": ({"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, {_OBJECTS}, {}),
    "OwnPrefix": ({"s3:ListBucket"}, {"${Documents.Arn}"}, {"stringlike": {"s3:prefix": [f"t/{_TAG}/*"]}}),
    "OwnIndexes": (
        {f"s3vectors:{each}" for each in ("QueryVectors", "GetVectors", "PutVectors", "DeleteVectors")},
        {_INDEXES},
        {},
    ),
    "OwnContext": (
        {"kms:Decrypt", "kms:GenerateDataKey"},
        {"${Key.Arn}"},
        {"stringequals": {"kms:encryptioncontext:tenant": [_TAG]}},
    ),
}
_INVOKES = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
_GUARDRAIL = "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:guardrail/${GuardrailId}"
# Models hold no tenant's data. Without a catalogue: the two models of the tier.
MODEL_SCOPES: dict[str, tuple[set[str], set[str], Condition]] = {
    "Models": (_INVOKES, {f"{_MODEL}${{Model}}"}, {}),
    "Embeddings": ({"bedrock:InvokeModel"}, {f"{_MODEL}${{EmbeddingModel}}"}, {}),
}
# With a catalogue: the ARNs that the deployer gives. Their patterns allow no wildcard.
CATALOGUE_SCOPES: dict[str, tuple[set[str], set[str], Condition]] = {
    "Models": (_INVOKES, {"${ChatArns}"}, {}),
    "Embeddings": ({"bedrock:InvokeModel"}, {"${EmbeddingArns}"}, {}),
    "ThroughProfiles": (
        _INVOKES,
        {"${ProfileModelArns}"},
        {"arnequals": {"bedrock:inferenceprofilearn": ["${ProfileArns}"]}},
    ),
}
GUARDRAIL_SCOPES: dict[str, tuple[set[str], set[str], Condition]] = {
    "Guardrail": ({"bedrock:ApplyGuardrail"}, {_GUARDRAIL}, {}),
}
_KEY_USES = {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"}
_ENCRYPTION = "s3:x-amz-server-side-encryption"
# Sid → actions, resources and condition of a Deny for every principal, by resource type.
KEY_DENIES: dict[str, tuple[set[str], set[str], Condition]] = {
    "NoTenantNoUse": (_KEY_USES, {"*"}, {"null": {"kms:encryptioncontext:tenant": ["true"]}}),
}
SILO_KEY_DENIES: dict[str, tuple[set[str], set[str], Condition]] = {
    "NoOtherTenant": (_KEY_USES, {"*"}, {"stringnotequals": {"kms:encryptioncontext:tenant": ["${OnlyTenant}"]}}),
}
BUCKET_DENIES: dict[str, tuple[set[str], set[str], Condition]] = {
    "KmsOnly": (
        {"s3:PutObject"},
        {"${Documents.Arn}/*"},
        {"stringnotequals": {_ENCRYPTION: ["aws:kms"]}},
    ),
    "KeysOfThisAccountOnly": (
        {"s3:PutObject"},
        {"${Documents.Arn}/*"},
        {
            "stringnotlikeifexists": {
                f"{_ENCRYPTION}-aws-kms-key-id": ["arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"]
            }
        },
    ),
}
# (role, table) → the leading key of a silo. In a pooled tier these tables serve all tenants of the tier.
SILO_TABLES: dict[tuple[str, str], str] = {
    ("AuthorizerRole", "${RegistryTableArn}"): "${OnlyTenant}",
    ("AuthorizerRole", "${ApiKeysTableArn}"): "TENANT#${OnlyTenant}",
    ("ControlRole", "${RegistryTableArn}"): "${OnlyTenant}",
    ("ControlRole", "${RunsTableArn}"): "TENANT#${OnlyTenant}",
}


def tenant_role_reaches_one_tenant(template: Template) -> Iterator[str]:
    """Each statement of the tenant role has exactly the scope in `TENANT_SCOPES` and those of the models."""
    catalogue, guarded = template.conditions.get("Catalogue", False), template.conditions.get("Guarded", False)
    scopes = TENANT_SCOPES | (CATALOGUE_SCOPES if catalogue else MODEL_SCOPES) | (GUARDRAIL_SCOPES if guarded else {})
    for role in tenant_roles(template):
        allows = [each for each in template.rights(role) if each.allows]
        for statement in allows:
            known = scopes.get(statement.sid)
            if known is None:
                yield f"{statement.name}: is not in TENANT_SCOPES (tests/infrastructure/guards/scopes.py)"
                continue
            yield from _differences(statement, *known)
        for sid in scopes.keys() - {each.sid for each in allows}:
            yield f"{role}: has no statement {sid}; remove its row from TENANT_SCOPES"


def guardrail_is_required(template: Template) -> Iterator[str]:
    """With a guardrail, the tenant role denies every answer without it."""
    if not template.conditions.get("Guarded"):
        return
    answers = "${ChatArns}" if template.conditions.get("Catalogue") else f"{_MODEL}${{Model}}"
    required: Condition = {"stringnotequals": {"bedrock:guardrailidentifier": [f"{_GUARDRAIL}:${{GuardrailVersion}}"]}}
    for role in tenant_roles(template):
        found = [each for each in template.rights(role) if each.sid == "NoAnswerWithoutGuardrail" and not each.allows]
        if len(found) != 1:
            yield f"{role}: does not deny answers without the guardrail"
        for statement in found:
            yield from _differences(statement, _INVOKES, {answers}, required)


def policies_deny_other_tenants(template: Template) -> Iterator[str]:
    """Key and bucket policies deny every principal what no session may do."""
    silo = template.conditions.get("Silo", False)
    for kind, expected in (
        ("AWS::KMS::Key", KEY_DENIES | (SILO_KEY_DENIES if silo else {})),
        ("AWS::S3::BucketPolicy", BUCKET_DENIES),
    ):
        for name, _ in template.of(kind):
            denies = [each for each in template.statements() if each.resource == name and not each.allows]
            for sid, known in expected.items():
                found = [each for each in denies if each.sid == sid]
                if len(found) != 1 or found[0].body.get("Principal") != "*":
                    yield f"{name}: does not deny {sid} to every principal"
                for statement in found:
                    yield from _differences(statement, *known)


def silo_reads_only_its_tenant(template: Template) -> Iterator[str]:
    """In a silo, a role reads shared tables only under its tenant's key."""
    if not template.conditions.get("Silo"):
        return
    for (role, table), key in SILO_TABLES.items():
        expected: Condition = {
            "forallvalues:stringequals": {"dynamodb:leadingkeys": [key]},
            "null": {"dynamodb:leadingkeys": ["false"]},
        }
        found = [each for each in template.rights(role) if table in each.resources]
        if not found:
            yield f"{role}: does not use {table}; remove its row from SILO_TABLES"
        for statement in found:
            if _condition(statement) != expected:
                yield f"{statement.name}: reaches other tenants' entries of {table}: {_condition(statement)}"


def _differences(statement: Statement, actions: set[str], resources: set[str], condition: Condition) -> Iterator[str]:
    for what, found, expected in (
        ("actions", set(statement.actions), actions),
        ("resources", set(statement.resources), resources),
        ("condition", _condition(statement), condition),
    ):
        if found != expected:
            yield f"{statement.name}: its {what} are {found}, not {expected}"
    for exclusion in ("NotAction", "NotResource", "NotPrincipal"):
        if exclusion in statement.body:
            yield f"{statement.name}: has {exclusion}"


def _condition(statement: Statement) -> Condition:
    """Returns the condition with operators and keys in lower case and all values as lists of text."""
    block: dict[str, Any] = statement.body.get("Condition", {})
    return {
        operator.lower(): {
            key.lower(): [text(each).replace("${!", "${") for each in as_list(value)] for key, value in keys.items()
        }
        for operator, keys in block.items()
    }
