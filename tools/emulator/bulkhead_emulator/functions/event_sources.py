"""SQS event source mappings with the permissions of the execution role, and partial batch responses.

AWS (lambda/latest/dg/services-sqs-configure, -errorhandling): the poller uses the execution role, which
needs ReceiveMessage, DeleteMessage and GetQueueAttributes; the queue's visibility timeout must not be
shorter than the function's timeout. A `batchItemFailures` entry without a known id fails the whole batch,
an empty or absent list none of it. With ReportBatchItemFailures a failed batch does not slow polling down.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core import iam_evaluator as iam
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc, sqs

from .. import judgements
from ..patch import replace

_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_PARTIAL = "ReportBatchItemFailures"


def install() -> None:
    global _create, _concurrency
    _create = replace(lambda_svc, "_create_esm", create)
    _concurrency = replace(lambda_svc, "_sqs_esm_concurrency", concurrency)
    replace(lambda_svc, "_run_sqs_batch", run_batch)


_create: Any = None
_concurrency: Any = None


def create(request: dict) -> tuple:
    """Creates a mapping after AWS's checks of role and queue."""
    arn = str(request.get("EventSourceArn", ""))
    name, qualifier, error = lambda_svc._resolve_existing_esm_function(request.get("FunctionName", ""))
    queue = sqs._queue_by_arn(arn) if ":sqs:" in arn else None
    if error is None and queue is not None:
        _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
        refused = _refused_action(config, arn)
        if refused:
            return error_response_json(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {refused} on SQS",
                400,
            )
        visibility, timeout = int(queue["attributes"].get("VisibilityTimeout", "30")), int(config.get("Timeout", 3))
        if visibility < timeout:
            return error_response_json(
                "InvalidParameterValueException",
                f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds",
                400,
            )
    return _create(request)


def concurrency(mapping: dict, function: dict, config: dict, queue: dict | None = None) -> int:
    """Returns the number of batches that may be in flight; 0 if the role may not receive."""
    refused = _refused_action(config, mapping.get("EventSourceArn", ""))
    if refused:
        mapping["LastProcessingResult"] = f"PROBLEM: the execution role may not call {refused} on SQS"
        return 0
    return _concurrency(mapping, function, config, queue)


def _refused_action(config: dict, queue_arn: str) -> str | None:
    return next((action for action in _ACTIONS if not _role_may(config, f"sqs:{action}", queue_arn)), None)


def _role_may(config: dict, action: str, resource: str) -> bool:
    """Returns whether the execution role may do ``action``, by its policies, boundary and the queue's policy."""
    from ministack.services import iam as iam_service

    account, name = get_account_id(), config.get("Role", "").rpartition("/")[2]
    context = iam.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/{config.get('FunctionName', '')}",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        principal_keys={
            f"aws:principaltag/{tag['Key'].lower()}": tag["Value"]
            for tag in (iam_service._roles.get(name) or {}).get("Tags") or []
        },
    )
    limits = iam._permissions_boundary(iam_service._roles, name, account)
    result = iam.evaluate(context, iam._gather_role_policies(name, account), *limits)
    found = iam._resource_policy("sqs", resource)
    if found is not None:
        result = iam.combine_resource_policy(result, context, *found, limits=tuple(limits))
    judgements.note(context, result.decision, resource_policy=found and found[0])
    return result.decision == "Allow"


def run_batch(mapping: dict, function: dict, event: dict, batch: list[dict], queue_url: str, queue_name: str) -> None:
    """Invokes the function with one batch and deletes the messages that it did not report as failed."""
    handles = {record["messageId"]: record["receiptHandle"] for record in event["Records"]}
    partial = _PARTIAL in mapping.get("FunctionResponseTypes", [])
    result = lambda_svc._execute_function(function, event)
    failed = set(handles) if result.get("error") else _failed(result.get("body"), handles) if partial else set()
    if failed:
        mapping["LastProcessingResult"] = f"PROBLEM: {len(failed)} of {len(handles)} records failed"
        lambda_svc.logger.warning(
            "Lambda %s failed %d of %d messages of %s: %s",
            mapping["FunctionName"],
            len(failed),
            len(handles),
            queue_name,
            result.get("body") if result.get("error") else "reported",
        )
    else:
        mapping["LastProcessingResult"] = "OK"
    if result.get("error") and not partial:
        lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
    # Messages that a filter removed count as processed.
    filtered = {message["receipt_handle"] for message in batch if message["id"] not in handles}
    sqs._delete_messages_for_esm(queue_url, filtered | {h for id_, h in handles.items() if id_ not in failed})


def _failed(answer: Any, handles: dict[str, str]) -> set[str]:
    """Returns the ids of the failed messages."""
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except ValueError:
            return set(handles)
    if answer is None or answer == {}:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else []
    if failures is None or failures == []:
        return set()
    ids = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    known = {id_ for id_ in ids if id_ in handles}
    return known if all(id_ in known for id_ in ids) else set(handles)
