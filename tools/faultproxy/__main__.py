"""Command line: `python -m tools.faultproxy --port P --admin-port A --target http://127.0.0.1:Q`."""

from __future__ import annotations

import argparse
import asyncio

from .admin import Admin
from .proxy import Proxy

_HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.faultproxy", description="Injects faults into calls to AWS.")
    parser.add_argument("--port", type=int, required=True, help=f"port on {_HOST} for the functions")
    parser.add_argument("--admin-port", type=int, required=True, help=f"port on {_HOST} for rules and counts")
    parser.add_argument("--target", required=True, metavar="URL", help="address of the local AWS")
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.admin_port, options.target))


async def _serve(port: int, admin_port: int, target: str) -> None:
    proxy = Proxy(target)
    admin = await asyncio.start_server(Admin(proxy).serve, _HOST, admin_port)
    listening = await asyncio.start_server(proxy.serve, _HOST, port, backlog=1024)
    print(f"ready http://{_HOST}:{port}", flush=True)
    await asyncio.gather(admin.serve_forever(), listening.serve_forever())


if __name__ == "__main__":
    main()
