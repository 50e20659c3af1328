"""A Google Cloud Storage server for tests: `python -m tests.gcs.server [--port N]` prints its URL and serves.

One process that holds all objects in memory; generations and preconditions are exact, faults come on demand.

    POST   /_faults   one rule or a list of them, as tests/gcs/faults.py names its fields
    GET    /_faults   the rules with their `hits`
    DELETE /_faults   no more faults
    GET    /_calls    every call since the last DELETE: [method, path as sent, status or null if none was sent]
    DELETE /_calls    forget them
    GET    /_held     answered as soon as a call is held (a fault of that kind)
    DELETE /_held     lets it go on
    POST   /_access   [[permission, "bucket/prefix"], …]: what callers may do from now on; null: everything
    POST   /_settings {"rewrite_bytes": n}: how much one call of rewriteTo copies
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import socket
import struct
import sys
from urllib.parse import parse_qsl

from aiohttp import web

from tests.gcs import access, json_api, xml_api
from tests.gcs.call import Call, Reply, as_json
from tests.gcs.faults import Fault
from tests.gcs.state import Refused, State


class Server:
    """Answers every request; holds the state, the faults and the list of calls."""

    def __init__(self) -> None:
        self.state = State()
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str, int | None]] = []
        self.rules: list[access.Rule] | None = None
        self.held, self.let_go = asyncio.Event(), asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.message.path  # as it was sent: an object's name may hold %2F
        path, _, query = target.partition("?")
        call = Call(
            method=request.method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={key.lower(): value for key, value in request.headers.items()},
            body=await request.content.read(),
            base=f"http://{request.host}",
        )
        if (call.method, path) == ("GET", "/_held"):
            await self.held.wait()
        if path.startswith("/_"):
            return _sent(self._admin(call))
        fault = await self._fault(call, target)
        if fault is None:
            reply = self._answer(call)
            self.calls.append((call.method, target, reply.status))
            return _sent(reply)
        if fault.kind == "status":
            self.calls.append((call.method, target, fault.status))
            return _sent(as_json({"error": {"code": fault.status, "message": "a fault on demand"}}, fault.status))
        if fault.kind == "omit":
            reply = self._answer(call)
            self.calls.append((call.method, target, reply.status))
            return _sent(Reply(reply.status, fault.spoil(reply.body), reply.headers))
        self.calls.append((call.method, target, None))
        if fault.kind == "reset" and call.method != "GET":
            return _reset(request)
        reply = self._answer(call)
        if fault.kind == "lost" or call.method == "HEAD":  # whose reply is headers alone: no body to break
            return _reset(request)
        half = reply.body[: len(reply.body) // 2]
        if fault.kind == "short":
            return _sent(Reply(reply.status, half, reply.headers))
        broken = web.StreamResponse(status=reply.status, headers=reply.headers)
        broken.content_length = len(reply.body)
        await broken.prepare(request)
        await broken.write(half)
        if fault.kind == "reset":
            return _reset(request, broken)
        assert request.transport is not None
        request.transport.close()
        return broken

    async def _fault(self, call: Call, target: str) -> Fault | None:
        chosen = None
        for fault in self.faults:
            if fault.kind == "slow":
                if fault.strikes(call, target):
                    await asyncio.sleep(fault.latency_ms / 1000)
            elif fault.kind == "held":
                if fault.strikes(call, target):
                    self.held.set()
                    await self.let_go.wait()
            elif chosen is None and fault.strikes(call, target):
                chosen = fault
        return chosen

    def _answer(self, call: Call) -> Reply:
        api = json_api if json_api.is_json(call.path) else xml_api
        try:
            if self.rules is not None:
                access.check(self.state, self.rules, call)
            return api.answer(self.state, call)
        except Refused as error:
            return api.refuse(error)

    def _admin(self, call: Call) -> Reply:
        match call.method, call.path:
            case "POST", "/_faults":
                asked = json.loads(call.body)
                self.faults += [Fault(**each) for each in (asked if isinstance(asked, list) else [asked])]
                self.held.clear()
                self.let_go.clear()
            case "GET", "/_faults":
                return as_json([dataclasses.asdict(fault) for fault in self.faults])
            case "DELETE", "/_faults":
                self.faults.clear()
            case "GET", "/_calls":
                return as_json(self.calls)
            case "DELETE", "/_calls":
                self.calls.clear()
            case "GET", "/_held":
                pass
            case "DELETE", "/_held":
                self.let_go.set()
            case "POST", "/_access":
                rules = json.loads(call.body)
                self.rules = None if rules is None else [(permission, place) for permission, place in rules]
            case "POST", "/_settings":
                self.state.rewrite_bytes = int(json.loads(call.body)["rewrite_bytes"])
            case _:
                return Reply(404)
        return Reply(204)


def _sent(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    if not reply.body and reply.status == 200:
        response.headers.setdefault("Content-Length", "0")
    return response


def _reset(request: web.BaseRequest, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """End the connection with a reset, as a peer that has died does."""
    assert request.transport is not None
    raw = request.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return response or web.Response()


async def serve(port: int) -> None:
    """Serve on the loopback interface until standard input ends, if it is a pipe, or for ever."""
    runner = web.ServerRunner(web.Server(Server().handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    [address] = runner.addresses
    print(f"http://127.0.0.1:{address[1]}", flush=True)
    if sys.stdin is None or sys.stdin.isatty():
        await asyncio.Event().wait()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="A Google Cloud Storage server for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
