"""All extensions in the order of their installation."""

from __future__ import annotations


def install() -> None:
    """Installs the extensions in the imported MiniStack."""
    from . import (
        admin,
        apigateway,
        bedrock,
        cloudformation,
        cognito,
        dynamodb_keys,
        dynamodb_partitions,
        dynamodb_speed,
        functions,
        iam,
        judgements,
        kms,
        logs,
        s3,
        s3vectors,
        sessions,
        sqs,
        sts,
    )

    for extension in (
        admin,
        iam,
        judgements,
        dynamodb_keys,
        dynamodb_speed,
        dynamodb_partitions,
        sts,
        sessions,
        kms,
        s3,
        s3vectors,
        bedrock,
        sqs,
        functions,
        apigateway,
        cloudformation,
        cognito,
        logs,
    ):
        extension.install()
