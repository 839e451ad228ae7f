"""Signs a user in to a Cognito user pool as an app does, and prints the access token.

    python -m tools.devstack.sign_in --pool eu-west-1_… --client … --email … [--endpoint URL]

Works against AWS and the local AWS, and needs no AWS credentials. Reads the password from the variable
BULKHEAD_PASSWORD or asks for it. The password is proven and never sent (Secure Remote Password).
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from botocore.exceptions import ClientError

from bulkhead_emulator.sign_in import cognito, sign_in


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.devstack.sign_in", description=__doc__.splitlines()[0])
    parser.add_argument("--pool", required=True, help="output UserPoolId of the stack")
    parser.add_argument("--client", required=True, help="output ClientId of the stack")
    parser.add_argument("--email", required=True)
    parser.add_argument("--endpoint", help="endpoint of the local AWS (default: AWS)")
    options = parser.parse_args(arguments)
    # Questions go to the terminal, because standard output carries only the token.
    password = os.environ.get("BULKHEAD_PASSWORD") or getpass.getpass("password: ")
    idp = cognito(options.pool, options.endpoint)
    try:
        tokens = sign_in(
            idp, options.pool, options.client, options.email, password, lambda what: getpass.getpass(f"{what}: ")
        )
    except (ClientError, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 1
    print(tokens["AccessToken"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
