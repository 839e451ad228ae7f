"""Calls that are forbidden to all roles of the stack, as data.

The test makes each call with three sessions: a tenant's session, aimed at another tenant, the operator's and the
control function's. The second engine then judges the same call for every role of the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.attacks import OPERATIONS, Target
from tools.devstack.aws import Account
from tools.devstack.stack import LocalStack


@dataclass(frozen=True)
class Targets:
    """The stack, the victim of a forbidden call, and what the caller owns."""

    stack: LocalStack
    victim: Target
    own: Target

    @property
    def backlog(self) -> str:
        return self.stack.outputs["BasicBacklogTable"]

    @property
    def tenant_role(self) -> str:
        return self.stack.outputs["BasicTenantRole"]

    @property
    def tenant_role_name(self) -> str:
        return self.tenant_role.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Forbidden:
    """One row. The roles in `may` need the call for their work; for them it must be allowed."""

    what: str
    call: Callable[[Account, Targets], Any]
    may: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.what


def _attack(name: str, what: str, may: tuple[str, ...] = ()) -> Forbidden:
    """Returns an operation of `tools.attacks`, aimed at the victim."""
    operation = next(each for each in OPERATIONS if str(each) == name)
    return Forbidden(what, lambda s, p: operation.call(s, p.victim, p.own), may)


def _statement(targets: Targets) -> dict[str, Any]:
    return {
        "Statement": f'SELECT * FROM "{targets.victim.table}" WHERE pk = ?',
        "Parameters": [{"S": targets.victim.tenant.partition}],
    }


def _session(name: str, **tags: str) -> Callable[[Account, Targets], Any]:
    """Assumes the tenant role; `{a}` is the victim's id, `{b}` the caller's."""

    def call(session: Account, targets: Targets) -> Any:
        def fill(text: str) -> str:
            return text.format(a=targets.victim.tenant.id, b=targets.own.tenant.id)

        return session.client("sts").assume_role(
            RoleArn=targets.tenant_role,
            RoleSessionName=fill(name),
            Tags=[{"Key": key, "Value": fill(value)} for key, value in tags.items()],
        )

    return call


def _backlog(operation: str, member: str, **more: str) -> Callable[[Account, Targets], Any]:
    """An operation on the victim's backlog entry."""

    def call(session: Account, targets: Targets) -> Any:
        entry = {"pk": targets.victim.tenant.partition, **more}
        item = {name: {"S": value} for name, value in entry.items()}
        return getattr(session.client("dynamodb"), operation)(TableName=targets.backlog, **{member: item})

    return call


def _event(bus: str | None) -> Callable[[Account, Targets], Any]:
    """Publishes an event of the victim on a bus that an output names, or on the default bus."""

    def call(session: Account, targets: Targets) -> Any:
        entry = {"Source": "bulkhead", "DetailType": "document.ready", "Detail": "{}"}
        named = {"EventBusName": targets.stack.outputs[bus]} if bus else {}
        return session.client("events").put_events(Entries=[{**entry, **named}])

    return call


def _kms(operation: str, **more: Any) -> Callable[[Account, Targets], Any]:
    return lambda s, p: getattr(s.client("kms"), operation)(KeyId=p.victim.key_arn, **more)


def _encrypt(context: Callable[[Targets], dict[str, str]]) -> Callable[[Account, Targets], Any]:
    return lambda s, p: s.client("kms").encrypt(KeyId=p.victim.key_arn, Plaintext=b"x", EncryptionContext=context(p))


def _iam(operation: str, **arguments: Any) -> Callable[[Account, Targets], Any]:
    return lambda s, p: getattr(s.client("iam"), operation)(RoleName=p.tenant_role_name, **arguments)


_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'

_HELLO: Any = [{"role": "user", "content": [{"text": "Hello?"}]}]

FORBIDDEN = (
    # ── items
    _attack("table-Scan", "scan the table of all tenants"),
    _attack("table-GetItem", "read an item of another tenant"),
    _attack("table-Query", "query another tenant's partition"),
    Forbidden(
        "add to another tenant's ledger of tokens and money",
        lambda s, p: s.client("dynamodb").update_item(
            TableName=p.victim.table,
            Key={"pk": {"S": p.victim.tenant.partition}, "sk": {"S": "BUDGET"}},
            UpdateExpression="ADD day_tokens :n",
            ExpressionAttributeValues={":n": {"N": "1"}},
        ),
    ),
    _attack("table-PutItem", "write into another tenant's partition"),
    _attack("table-DeleteItem", "delete an item of another tenant"),
    _attack("table-BatchGetItem-mixed", "read another tenant's item together with an own item in a batch"),
    _attack("table-BatchWriteItem-mixed", "write another tenant's item together with an own item in a batch"),
    _attack("table-TransactGetItems-mixed", "read another tenant's item together with an own item in a transaction"),
    _attack("table-TransactWriteItems-mixed", "write another tenant's item together with an own item in a transaction"),
    _attack("table-ConditionCheck-oracle", "check in a transaction whether another tenant's item exists"),
    _attack("table-PartiQL-Select", "select another tenant's items with PartiQL"),
    Forbidden(
        "select another tenant's items in a batch of statements",
        lambda s, p: s.client("dynamodb").batch_execute_statement(Statements=[_statement(p)]),
    ),
    Forbidden(
        "select another tenant's items in a transaction of statements",
        lambda s, p: s.client("dynamodb").execute_transaction(TransactStatements=[_statement(p)]),
    ),
    Forbidden(
        "search vectors in the table, which ignores leading keys",
        lambda s, p: s.client("dynamodb").search_vectors(
            TableName=p.victim.table, IndexName="any", SearchVector=[{"N": "1"}], TopK=1
        ),
    ),
    Forbidden("list the tables", lambda s, p: s.client("dynamodb").list_tables()),
    Forbidden(
        "export the table",
        lambda s, p: s.client("dynamodb").export_table_to_point_in_time(
            TableArn=f"arn:aws:dynamodb:us-east-1:000000000000:table/{p.victim.table}", S3Bucket=p.victim.bucket
        ),
    ),
    Forbidden("delete the table", lambda s, p: s.client("dynamodb").delete_table(TableName=p.victim.table)),
    _attack("table-registry-Scan", "scan the registry of tenants"),
    _attack("table-registry-GetItem", "read another tenant's registry entry", ("AuthorizerRole", "ControlRole")),
    # ── API keys
    _attack("api-keys-GetItem", "read another tenant's API key", ("AuthorizerRole",)),
    _attack("api-keys-Query", "list another tenant's API keys"),
    _attack("api-keys-PutItem", "make an API key for another tenant"),
    _attack("api-keys-UpdateItem", "raise the role of another tenant's API key"),
    _attack("api-keys-DeleteItem", "delete another tenant's API key"),
    _attack(
        "api-keys-TransactWriteItems-mixed", "make another tenant's API key together with an own one in a transaction"
    ),
    _attack("api-keys-Scan", "list the API keys of all tenants"),
    # ── the backlog
    Forbidden("write another tenant's backlog entry", _backlog("put_item", "Item", etag="x")),
    Forbidden("delete another tenant's backlog entry", _backlog("delete_item", "Key")),
    Forbidden("read another tenant's backlog entry", _backlog("get_item", "Key"), ("SchedulerRole",)),
    Forbidden(
        "list the tenants in the backlog",
        lambda s, p: s.client("dynamodb").scan(TableName=p.backlog),
        ("SchedulerRole",),
    ),
    # ── keys
    _attack("keys-Decrypt", "decrypt another tenant's data key with its context"),
    _attack("keys-Decrypt-without-context", "decrypt a data key without a context"),
    _attack("keys-GenerateDataKey", "make a data key for another tenant"),
    _attack("keys-GenerateDataKey-without-context", "make a data key without a tenant"),
    _attack("keys-ReEncrypt-to-mine", "re-encrypt another tenant's data key for oneself"),
    Forbidden("encrypt directly for another tenant", _encrypt(lambda p: p.victim.context("template"))),
    Forbidden("encrypt directly without a tenant", _kms("encrypt", Plaintext=b"x")),
    _attack("keys-CreateGrant", "create a grant on the key"),
    Forbidden("rewrite the key's policy", _kms("put_key_policy", PolicyName="default", Policy=_EVERYTHING)),
    Forbidden("read the key's policy", _kms("get_key_policy", PolicyName="default")),
    Forbidden("schedule the key's deletion", _kms("schedule_key_deletion", PendingWindowInDays=7)),
    Forbidden("disable the key", _kms("disable_key")),
    # ── objects
    _attack("objects-GetObject", "read an object of another tenant"),
    _attack("objects-PutObject", "write an object of another tenant"),
    _attack("objects-CopyObject-out", "copy another tenant's object"),
    _attack("objects-CopyObject-in", "copy an object to another tenant's prefix"),
    _attack("objects-DeleteObject", "delete an object of another tenant"),
    Forbidden(
        "read an object outside all tenants' prefixes",
        lambda s, p: s.client("s3").get_object(Bucket=p.victim.bucket, Key="backup"),
    ),
    _attack("objects-List-prefix", "list another tenant's objects"),
    _attack("objects-List-without-prefix", "list the bucket without a prefix"),
    Forbidden(
        "list the bucket with an empty prefix",
        lambda s, p: s.client("s3").list_objects_v2(Bucket=p.victim.bucket, Prefix=""),
    ),
    _attack("objects-List-all-tenants", "list the tenants by their prefixes"),
    Forbidden("list the bucket's versions", lambda s, p: s.client("s3").list_object_versions(Bucket=p.victim.bucket)),
    Forbidden(
        "rewrite the bucket's policy",
        lambda s, p: s.client("s3").put_bucket_policy(Bucket=p.victim.bucket, Policy=_EVERYTHING),
    ),
    _attack("objects-DeleteBucketPolicy", "delete the bucket's policy"),
    Forbidden("list the account's buckets", lambda s, p: s.client("s3").list_buckets()),
    # ── vectors
    _attack("vectors-QueryVectors", "query another tenant's index"),
    _attack("vectors-GetVectors", "read another tenant's vectors by key"),
    _attack("vectors-ListVectors", "list another tenant's vectors"),
    _attack("vectors-PutVectors", "write into another tenant's index"),
    _attack("vectors-DeleteVectors", "delete another tenant's vectors"),
    _attack("vectors-ListIndexes", "list the indexes of all tenants"),
    _attack("vectors-GetIndex", "describe another tenant's index"),
    _attack("vectors-DeleteIndex", "delete another tenant's index"),
    Forbidden(
        "make an index for another tenant",
        lambda s, p: s.client("s3vectors").create_index(
            vectorBucketName=p.victim.tenant.vector_bucket,
            indexName=f"t-{p.victim.tenant.id}-more",
            dataType="float32",
            dimension=4,
            distanceMetric="cosine",
        ),
        ("ControlRole",),
    ),
    # ── sessions
    Forbidden(
        "take a tenant's session",
        _session("{a}", TenantId="{a}"),
        (
            "TemplatesRole",
            "DocumentsApiRole",
            "InferenceRole",
            "IngestionRole",
            "SchedulerRole",
            "ControlRole",
        ),
    ),
    Forbidden("take a session without a tag", _session("{a}")),
    Forbidden("take a session with a second tag", _session("{a}", TenantId="{a}", Tier="gold")),
    Forbidden("take a session under another name", _session("{b}", TenantId="{a}")),
    Forbidden("take a session with an empty tag", _session("{a}", TenantId="")),
    Forbidden("take a session with a short tag", _session("acme", TenantId="acme")),
    Forbidden("take a session with only another tag", _session("{a}", Tenant="{a}")),
    # ── the queue, the functions
    _attack("elsewhere-ReceiveMessage", "receive other tenants' jobs", ("DispatchRole",)),
    _attack("elsewhere-SendMessage", "send a job for another tenant", ("IntakeRole", "SchedulerRole")),
    # ── events
    Forbidden("publish an event of another tenant", _event("BasicEventBus"), ("SchedulerRole",)),
    Forbidden("publish an event on the bus of another tier", _event("PremiumEventBus")),
    Forbidden("publish an event that looks like one of S3", _event(None)),
    Forbidden(
        "subscribe to the events of all tenants",
        lambda s, p: s.client("events").put_rule(
            Name="all", EventBusName=p.stack.outputs["BasicEventBus"], EventPattern='{"source": ["bulkhead"]}'
        ),
    ),
    Forbidden("purge the queue", lambda s, p: s.client("sqs").purge_queue(QueueUrl=p.victim.queue_url)),
    Forbidden(
        "invoke the worker for another tenant",
        lambda s, p: s.client("lambda").invoke(
            FunctionName=p.stack.outputs["BasicIngestionFunction"], TenantId=p.victim.tenant.id, Payload=b"{}"
        ),
        ("DispatchRole",),
    ),
    Forbidden(
        "invoke a tenant function without the gateway",
        lambda s, p: s.client("lambda").invoke(
            FunctionName=p.stack.outputs["BasicInferenceFunction"], TenantId=p.victim.tenant.id, Payload=b"{}"
        ),
    ),
    Forbidden(
        "invoke the control plane",
        lambda s, p: s.client("lambda").invoke(
            FunctionName=p.stack.outputs["BasicControlFunction"], Payload=b'{"action": "show"}'
        ),
        ("OperatorRole",),
    ),
    Forbidden(
        "read a function's code and settings",
        lambda s, p: s.client("lambda").get_function(FunctionName=p.stack.outputs["BasicInferenceFunction"]),
    ),
    Forbidden(
        "replace a function's code",
        lambda s, p: s.client("lambda").update_function_code(
            FunctionName=p.stack.outputs["BasicInferenceFunction"], ZipFile=b"x"
        ),
    ),
    # ── models
    Forbidden(
        "ask a model that is not the stack's",
        lambda s, p: s.client("bedrock-runtime").converse(modelId="amazon.nova-pro-v1:0", messages=_HELLO),
    ),
    Forbidden(
        "ask the stack's model through an inference profile",
        lambda s, p: s.client("bedrock-runtime").converse(modelId="us.amazon.nova-lite-v1:0", messages=_HELLO),
    ),
    Forbidden(
        "read the key of an endpoint of models",
        lambda s, p: s.client("secretsmanager").get_secret_value(SecretId="any"),
    ),
    # ── IAM
    Forbidden("widen the tenant role", _iam("put_role_policy", PolicyName="more", PolicyDocument=_EVERYTHING)),
    Forbidden(
        "attach a policy to the tenant role",
        _iam("attach_role_policy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    Forbidden("delete the tenant role's policy", _iam("delete_role_policy", PolicyName="tenant-data")),
    Forbidden("rewrite the tenant role's trust policy", _iam("update_assume_role_policy", PolicyDocument=_EVERYTHING)),
    Forbidden("tag the tenant role with a tenant", _iam("tag_role", Tags=[{"Key": "TenantId", "Value": "x" * 32}])),
    Forbidden("read the tenant role", _iam("get_role")),
    Forbidden("make a user", lambda s, p: s.client("iam").create_user(UserName="helper")),
    Forbidden("make an access key", lambda s, p: s.client("iam").create_access_key(UserName="helper")),
    _attack("elsewhere-ListRoles", "list the roles"),
    Forbidden(
        "read the logs of all tenants",
        lambda s, p: s.client("logs").filter_log_events(logGroupName="/aws/lambda/any"),
        # Only API Gateway can assume it, and API Gateway accepts no smaller policy.
        ("ApiGatewayLogs",),
    ),
    Forbidden("change the stack", lambda s, p: s.client("cloudformation").delete_stack(StackName="bulkhead-local")),
)
