"""Calls that nobody of the stack may make, as data.

Each is made for real by every session that can be had: a tenant's, aimed at another tenant, and the
operator's. What the emulator judged then is put to the second engine for every role of the stack, the
functions' own among them, whose sessions only Lambda can have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.attacks import OPERATIONS, Target
from tools.devstack.aws import Account
from tools.devstack.stack import LocalStack


@dataclass(frozen=True)
class Place:
    """Where a forbidden call is made: whose data it is after, and what the caller owns."""

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
    """One row: `may` are the roles whose work it is; for them the same call has to be allowed."""

    what: str
    call: Callable[[Account, Place], Any]
    may: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.what


def _same(name: str, what: str, may: tuple[str, ...] = ()) -> Forbidden:
    """An operation of `tools.attacks`, aimed at the victim."""
    operation = next(each for each in OPERATIONS if str(each) == name)
    return Forbidden(what, lambda s, p: operation.call(s, p.victim, p.own), may)


def _statement(place: Place) -> dict[str, Any]:
    return {
        "Statement": f'SELECT * FROM "{place.victim.table}" WHERE pk = ?',
        "Parameters": [{"S": place.victim.tenant.partition}],
    }


def _session(name: str, **tags: str) -> Callable[[Account, Place], Any]:
    """AssumeRole of the tenant role; `{a}` is the victim's id, `{b}` the caller's."""

    def call(session: Account, place: Place) -> Any:
        def fill(text: str) -> str:
            return text.format(a=place.victim.tenant.id, b=place.own.tenant.id)

        return session.client("sts").assume_role(
            RoleArn=place.tenant_role,
            RoleSessionName=fill(name),
            Tags=[{"Key": key, "Value": fill(value)} for key, value in tags.items()],
        )

    return call


def _backlog(operation: str, member: str, **more: str) -> Callable[[Account, Place], Any]:
    """An operation on the victim's entry of the backlog."""

    def call(session: Account, place: Place) -> Any:
        entry = {"pk": place.victim.tenant.partition, **more}
        item = {name: {"S": value} for name, value in entry.items()}
        return getattr(session.client("dynamodb"), operation)(TableName=place.backlog, **{member: item})

    return call


def _kms(operation: str, **more: Any) -> Callable[[Account, Place], Any]:
    return lambda s, p: getattr(s.client("kms"), operation)(KeyId=p.victim.key_arn, **more)


def _encrypt(context: Callable[[Place], dict[str, str]]) -> Callable[[Account, Place], Any]:
    return lambda s, p: s.client("kms").encrypt(KeyId=p.victim.key_arn, Plaintext=b"x", EncryptionContext=context(p))


def _iam(operation: str, **arguments: Any) -> Callable[[Account, Place], Any]:
    return lambda s, p: getattr(s.client("iam"), operation)(RoleName=p.tenant_role_name, **arguments)


_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'

FORBIDDEN = (
    # ── items
    _same("table-Scan", "scan the table of all tenants"),
    _same("table-GetItem", "read an item of another tenant"),
    _same("table-Query", "query another tenant's partition"),
    _same("table-PutItem", "write into another tenant's partition"),
    _same("table-DeleteItem", "delete an item of another tenant"),
    _same("table-BatchGetItem-mixed", "read another's item beside one's own in a batch"),
    _same("table-BatchWriteItem-mixed", "write another's item beside one's own in a batch"),
    _same("table-TransactGetItems-mixed", "read another's item beside one's own in a transaction"),
    _same("table-TransactWriteItems-mixed", "write another's item beside one's own in a transaction"),
    _same("table-ConditionCheck-oracle", "ask in a transaction whether another's item exists"),
    _same("table-PartiQL-Select", "select another's items with PartiQL"),
    Forbidden(
        "the same in a batch of statements",
        lambda s, p: s.client("dynamodb").batch_execute_statement(Statements=[_statement(p)]),
    ),
    Forbidden(
        "the same in a transaction of statements",
        lambda s, p: s.client("dynamodb").execute_transaction(TransactStatements=[_statement(p)]),
    ),
    Forbidden(
        "search vectors inside the table, where leading keys do not count",
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
    _same("table-registry-Scan", "scan the registry of tenants"),
    _same("table-registry-GetItem", "look another tenant up in the registry", ("AuthorizerRole", "ControlRole")),
    # ── who has something to do
    Forbidden("note in the backlog that another tenant has something to do", _backlog("put_item", "Item", etag="x")),
    Forbidden("take another tenant's note back", _backlog("delete_item", "Key")),
    Forbidden("look whether another tenant has something to do", _backlog("get_item", "Key"), ("SchedulerRole",)),
    Forbidden(
        "list the tenants that have something to do",
        lambda s, p: s.client("dynamodb").scan(TableName=p.backlog),
        ("SchedulerRole",),
    ),
    # ── keys
    _same("keys-Decrypt", "open another's data key as the other"),
    _same("keys-Decrypt-without-context", "open a data key without saying whose it is"),
    _same("keys-GenerateDataKey", "make a data key for another tenant"),
    _same("keys-GenerateDataKey-without-context", "make a data key for nobody"),
    _same("keys-ReEncrypt-to-mine", "re-encrypt another's data key to oneself"),
    Forbidden("encrypt directly for another tenant", _encrypt(lambda p: p.victim.context("template"))),
    Forbidden("encrypt directly for nobody", _kms("encrypt", Plaintext=b"x")),
    _same("keys-CreateGrant", "grant the key to somebody"),
    Forbidden("rewrite the key's policy", _kms("put_key_policy", PolicyName="default", Policy=_EVERYTHING)),
    Forbidden("read the key's policy", _kms("get_key_policy", PolicyName="default")),
    Forbidden("schedule the key's deletion", _kms("schedule_key_deletion", PendingWindowInDays=7)),
    Forbidden("disable the key", _kms("disable_key")),
    # ── objects
    _same("objects-GetObject", "read an object of another tenant"),
    _same("objects-PutObject", "write an object of another tenant"),
    _same("objects-CopyObject-out", "copy an object of another tenant out"),
    _same("objects-DeleteObject", "delete an object of another tenant"),
    Forbidden(
        "read an object above all tenants", lambda s, p: s.client("s3").get_object(Bucket=p.victim.bucket, Key="backup")
    ),
    _same("objects-List-prefix", "list another tenant's objects"),
    _same("objects-List-without-prefix", "list the bucket without a prefix"),
    Forbidden(
        "list the bucket with an empty prefix",
        lambda s, p: s.client("s3").list_objects_v2(Bucket=p.victim.bucket, Prefix=""),
    ),
    _same("objects-List-all-tenants", "list the tenants by their prefixes"),
    Forbidden("list the bucket's versions", lambda s, p: s.client("s3").list_object_versions(Bucket=p.victim.bucket)),
    Forbidden(
        "rewrite the bucket's policy",
        lambda s, p: s.client("s3").put_bucket_policy(Bucket=p.victim.bucket, Policy=_EVERYTHING),
    ),
    _same("objects-DeleteBucketPolicy", "delete the bucket's policy"),
    Forbidden("list the account's buckets", lambda s, p: s.client("s3").list_buckets()),
    # ── vectors
    _same("vectors-QueryVectors", "query another tenant's index"),
    _same("vectors-GetVectors", "read another tenant's vectors by key"),
    _same("vectors-ListVectors", "list another tenant's vectors"),
    _same("vectors-PutVectors", "write into another tenant's index"),
    _same("vectors-DeleteVectors", "delete another tenant's vectors"),
    _same("vectors-ListIndexes", "list the indexes of all tenants"),
    _same("vectors-GetIndex", "describe another tenant's index"),
    _same("vectors-DeleteIndex", "delete another tenant's index"),
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
    Forbidden("take a session without a tag", _session("{a}")),
    Forbidden("take a session with a second tag", _session("{a}", TenantId="{a}", Tier="gold")),
    Forbidden("take a session under another name", _session("{b}", TenantId="{a}")),
    Forbidden("take a session with an empty tag", _session("{a}", TenantId="")),
    Forbidden("take a session with a tag too short", _session("acme", TenantId="acme")),
    Forbidden("take a session with another tag alone", _session("{a}", Tenant="{a}")),
    # ── the queue, the functions
    _same("elsewhere-ReceiveMessage", "receive other tenants' jobs", ("DispatchRole",)),
    _same("elsewhere-SendMessage", "send a job in another's name", ("IntakeRole", "SchedulerRole")),
    Forbidden("purge the queue", lambda s, p: s.client("sqs").purge_queue(QueueUrl=p.victim.queue_url)),
    Forbidden(
        "invoke the worker for another tenant",
        lambda s, p: s.client("lambda").invoke(
            FunctionName=p.stack.outputs["BasicIngestionFunction"], TenantId=p.victim.tenant.id, Payload=b"{}"
        ),
        ("DispatchRole",),
    ),
    Forbidden(
        "invoke a tenants' function past the gateway",
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
    # ── IAM
    Forbidden("widen the tenant role", _iam("put_role_policy", PolicyName="more", PolicyDocument=_EVERYTHING)),
    Forbidden(
        "attach a policy to the tenant role",
        _iam("attach_role_policy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    Forbidden("delete the tenant role's policy", _iam("delete_role_policy", PolicyName="tenant-data")),
    Forbidden("rewrite whom the tenant role trusts", _iam("update_assume_role_policy", PolicyDocument=_EVERYTHING)),
    Forbidden("tag the tenant role with a tenant", _iam("tag_role", Tags=[{"Key": "TenantId", "Value": "x" * 32}])),
    Forbidden("read the tenant role", _iam("get_role")),
    Forbidden("make a user", lambda s, p: s.client("iam").create_user(UserName="helper")),
    Forbidden("make an access key", lambda s, p: s.client("iam").create_access_key(UserName="helper")),
    _same("elsewhere-ListRoles", "list the roles"),
    Forbidden(
        "read the logs of all tenants", lambda s, p: s.client("logs").filter_log_events(logGroupName="/aws/lambda/any")
    ),
    Forbidden("change the stack", lambda s, p: s.client("cloudformation").delete_stack(StackName="bulkhead-local")),
)
