"""A development OpenID issuer on the loopback interface.

    python -m tools.devstack.issuer serve [--port P] [--state DIR]
    python -m tools.devstack.issuer mint --tenant T [--tier basic] [--minutes 60] [--alg ES256]

Serves the discovery document and the keys. Mints tokens on the command line only, never over the network.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .process import ROOT
from .tokens import ALGORITHMS, AUDIENCE, Issuer, Keys

DEFAULT_STATE = ROOT / ".local" / "up" / "issuer"
DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/.well-known/jwks.json"


def documents(url: str, keys: Keys) -> dict[str, bytes]:
    """Returns the body of every path that the issuer serves."""
    discovery = {
        "issuer": url,
        "jwks_uri": url + JWKS_PATH,
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    }
    return {
        DISCOVERY_PATH: json.dumps(discovery).encode(),
        JWKS_PATH: json.dumps(keys.jwks()).encode(),
    }


def server(state: Path, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """Returns a bound server that does not serve yet, and its address; records the address in `state`."""
    keys = Keys.load_or_create(state)
    served: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        """Serves the documents and answers 404 to other paths."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = served.get(self.path.split("?", 1)[0])
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Cache-Control", "max-age=300")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

    listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    listening.daemon_threads = True
    url = f"http://127.0.0.1:{listening.server_address[1]}"
    served.update(documents(url, keys))
    record = {"url": url, "audience": AUDIENCE, "jwks_url": url + JWKS_PATH}
    (state / "issuer.json").write_text(json.dumps(record, indent=2) + "\n")
    return listening, url


def _serve(state: Path, port: int) -> int:
    listening, url = server(state, port)

    def stop(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"ready {url}", flush=True)
    with listening:
        listening.serve_forever()
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.devstack.issuer", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve discovery and keys until SIGTERM")
    serve.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free port)")
    mint = commands.add_parser("mint", help="print a token for one tenant")
    mint.add_argument("--tenant", required=True, help="tenant id, as printed by onboarding")
    mint.add_argument("--tier", default="basic")
    mint.add_argument("--role", default="admin")
    mint.add_argument("--minutes", type=float, default=60)
    mint.add_argument("--alg", choices=ALGORITHMS, default="ES256")
    for command in (serve, mint):
        command.add_argument("--state", type=Path, default=DEFAULT_STATE, help="folder of the keys")
    options = parser.parse_args(arguments)
    if options.command == "serve":
        return _serve(options.state, options.port)
    try:
        issuer = Issuer.of(options.state)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    print(issuer.mint(options.tenant, options.tier, options.minutes, options.alg, options.role))
    return 0


if __name__ == "__main__":
    sys.exit(main())
