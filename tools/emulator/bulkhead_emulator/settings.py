"""MiniStack's settings, independent of the developer's shell.

MiniStack reads dozens of environment variables; `AWS_ACCESS_KEY_ID` even decides who is root. So the process
starts with an almost empty environment. The bare and the extended mode use the same settings.
"""

from __future__ import annotations

import os

ROOT_ACCESS_KEY = "test"
ROOT_SECRET_KEY = "test"
ACCOUNT_ID = "000000000000"

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


def apply(port: int, scratch: str, verbose: bool) -> None:
    """Replaces the process environment by MiniStack's settings. Must run before MiniStack is imported."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "EDGE_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": "us-east-1",
            # If on, an unknown AWS-managed policy would allow everything.
            "MINISTACK_AUTOCREATE_AWS_MANAGED": "0",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "CLOUDTRAIL_RECORDING": "0",
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            "STATE_DIR": f"{scratch}/state",
            "S3_DATA_DIR": f"{scratch}/s3",
            "TMPDIR": scratch,
            # Containers are not used; a missing path keeps the Docker SDK from loading.
            "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
            "LOG_LEVEL": "INFO" if verbose else "WARNING",
        }
    )
