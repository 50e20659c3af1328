"""What Chromium shows of pages on disk: it is driven over its DevTools protocol, and nothing else is loaded.

The protocol is spoken with aiohttp, which the tests have anyway. A driver of its own (Playwright, Selenium) would bring
tens of megabytes, and hides the layout's snapshot, which has what styles put into a page and closed shadow roots.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

AT_ONCE = 8  # pages; they wait more than they work
PAGE_SECONDS = 20.0  # for one page on a busy machine
SETTLE_SECONDS = 0.3  # after the load event, for timers and frames
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--disable-component-update",
    "--disable-site-isolation-trials", "--disable-features=IsolateOrigins,site-per-process", "--mute-audio",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--hide-scrollbars",
    "--disable-backgrounding-occluded-windows", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
# What a reader can open is opened first. `innerText` has the lines as they are shown, but no values of forms, no
# tooltips, and not what stands in place of a picture that could not be loaded.
COLLECT = r"""(() => {
  const said = [];
  const open = root => root.querySelectorAll('*').forEach(each => {
    if (each.localName === 'details') each.open = true;
    if (each.getAttribute('hidden') === 'until-found') each.removeAttribute('hidden');
    if (each.localName === 'img' && !each.naturalWidth) said.push(each.alt);
    if (/^(input|textarea)$/.test(each.localName) && !/^(hidden|password|checkbox|radio|range|color)$/.test(each.type))
      said.push(each.value || each.placeholder);
    if (/^(option|optgroup|track)$/.test(each.localName)) said.push(each.label);
    said.push(each.getAttribute('title') ?? '');
    if (each.shadowRoot) open(each.shadowRoot);
  });
  open(document);
  const root = document.body ?? document.documentElement;
  said.push(document.title, root?.innerText ?? root?.textContent ?? '');
  return [document.URL, said.join('\n')];
})()"""
MARKERS = frozenset(("::marker", "::scroll-marker"))  # numbers and bullets of lists


def executable() -> str:
    """The browser's path, or "" if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@dataclass
class Seen:
    """What is shown of one page, line by line.

    `left` says that the page sent its reader to another one, `late` that it took too long.
    """

    lines: list[str] = field(default_factory=list)
    left: bool = False
    late: bool = False


def look_at(pages: Sequence[Path], *, scripts: bool = True) -> list[Seen]:
    """Return what one browser shows of each page, whose scripts it runs or not."""
    return asyncio.run(_look_at(pages, scripts))


async def _look_at(pages: Sequence[Path], scripts: bool) -> list[Seen]:
    async with AsyncExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        process = subprocess.Popen(
            [executable(), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.terminate)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        socket = await session.ws_connect(await _address(Path(profile), process), max_msg_size=0)
        browser = _Browser(socket)
        stack.callback(asyncio.create_task(browser.listen()).cancel)
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(page: Path) -> Seen:
            try:
                async with turn, asyncio.timeout(PAGE_SECONDS):
                    return await browser.look_at(page, scripts)
            except TimeoutError:
                return Seen(late=True)

        seen = await asyncio.gather(*map(one, pages))
        # Some pages never end to load beside others that ask for the same drawing; alone they do.
        return [await one(page) if each.late else each for page, each in zip(pages, seen, strict=True)]


async def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser listens, which it writes down when it does."""
    said = profile / "DevToolsActivePort"
    async with asyncio.timeout(PAGE_SECONDS * 3):
        while not (said.exists() and len(lines := said.read_text().split()) == 2):
            assert process.poll() is None, f"{executable()} ended with {process.returncode}"
            await asyncio.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"


@dataclass
class _Tab:
    """What the browser told of one page, or of a frame that has a process of its own."""

    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    contexts: dict[int, bool] = field(default_factory=dict)  # scripts' worlds by their number: one for each frame
    said: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)  # sessions


class _Browser:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tabs: dict[str, _Tab] = {}

    async def look_at(self, page: Path, scripts: bool) -> Seen:
        target = (await self._call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self._call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = await self._watch(session)
        await self._call("Emulation.setScriptExecutionDisabled", session, value=not scripts)
        url = page.resolve().as_uri()
        await self._call("Page.navigate", session, url=url)
        await tab.loaded.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        seen = Seen(left=True)
        for each in (session, *tab.frames):
            await self._collect(each, url, seen)
        seen.lines += tab.said
        await self._call("Target.closeTarget", targetId=target)
        return seen

    async def _watch(self, session: str) -> _Tab:
        tab = self._tabs[session] = _Tab()
        await self._call("Page.enable", session)
        await self._call("Runtime.enable", session)
        flags = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}
        await self._call("Target.setAutoAttach", session, **flags)
        return tab

    async def _collect(self, session: str, url: str, seen: Seen) -> None:
        for context in list(self._tabs[session].contexts):
            try:
                told = await self._call(
                    "Runtime.evaluate", session, expression=COLLECT, contextId=context, returnByValue=True
                )
            except LookupError:  # the frame is gone
                continue
            where, text = told["result"].get("value") or ("chrome-error:", "")
            if where.startswith("chrome-error:"):
                continue
            seen.left &= where.partition("#")[0] != url
            seen.lines += text.split("\n")
        snapshot = await self._call("DOMSnapshot.captureSnapshot", session, computedStyles=[])
        whole = _squeezed("".join(seen.lines))
        seen.lines += (line for line in _laid_out(snapshot) if _squeezed(line) not in whole)

    async def _call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        reply = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        return await reply

    async def listen(self) -> None:
        """Hand replies to those who wait for them, and keep what the browser tells of its pages."""
        pending = set()
        async for message in self._socket:
            told = message.json()
            if reply := self._waiting.pop(told.get("id", 0), None):
                if "error" in told:
                    reply.set_exception(LookupError(told["error"]["message"]))
                elif not reply.done():
                    reply.set_result(told["result"])
            elif (tab := self._tabs.get(told.get("sessionId", ""))) and (work := self._hear(tab, told)):
                pending.add(task := asyncio.create_task(work))
                task.add_done_callback(pending.discard)

    def _hear(self, tab: _Tab, told: dict[str, Any]) -> Any:
        params = told.get("params", {})
        match told["method"]:
            case "Page.loadEventFired":
                tab.loaded.set()
            case "Runtime.executionContextCreated" if params["context"]["auxData"].get("isDefault"):
                tab.contexts[params["context"]["id"]] = True
            case "Runtime.executionContextDestroyed":
                tab.contexts.pop(params["executionContextId"], None)
            case "Runtime.executionContextsCleared":
                tab.contexts.clear()
            case "Page.javascriptDialogOpening":
                tab.said.append(params["message"])
                return self._call("Page.handleJavaScriptDialog", told["sessionId"], accept=True)
            case "Target.attachedToTarget":
                tab.frames.append(params["sessionId"])
                return self._watch(params["sessionId"])
        return None


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def _laid_out(snapshot: dict[str, Any]) -> list[str]:
    """Return each text of the layout: of elements, of styles, of forms, and of pictures that could not be loaded."""
    strings = snapshot["strings"]
    lines = []
    for document in snapshot["documents"]:
        if strings[document["documentURL"]].startswith("chrome-error:"):
            continue
        names, parents = document["nodes"]["nodeName"], document["nodes"]["parentIndex"]
        for node, text in zip(document["layout"]["nodeIndex"], document["layout"]["text"], strict=True):
            around = {strings[names[node]], strings[names[max(0, parents[node])]]}
            if text >= 0 and not around & MARKERS:
                lines += strings[text].split("\n")
    return lines
