"""One page in a browser without a window, driven as a reader would: looked at, clicked, typed into.

Chromium takes commands of its DevTools protocol on a pipe: JSON, each message ended by a zero byte.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import CHROMIUM, FLAGS


class BrowserPage:
    """An open page. `look` evaluates JavaScript for the test, whatever the page's own policy allows."""

    def __init__(self, process: subprocess.Popen):
        self.process, self.last, self.session = process, 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, page: Path, width: int = 1280, height: int = 900, script: bool = True) -> None:
        """Open a file at a size in CSS pixels, without its scripts if not `script`, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=page.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def look(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """Click into the middle of an element, scrolled into view."""
        box = f"document.querySelector({json.dumps(selector)})"
        self.look(f"{box}.scrollIntoView({{block: 'center'}})")
        x, y = self.look(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        text = {"text": " "} if key == " " else {}
        code = {" ": 32, "Tab": 9, "ArrowRight": 39}[key]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                      **(text if kind == "keyDown" else {}))  # fmt: skip

    def _read(self) -> dict[str, Any]:
        found = bytearray()
        while (byte := self.process.stdout.read(1)) != b"\0":
            assert byte, "the browser has ended"
            found += byte
        return json.loads(found)


@contextmanager
def browser_page(profile: Path) -> Iterator[BrowserPage]:
    """A page of a browser of its own, with its profile in this folder."""
    flags = [flag for flag in FLAGS if not flag.startswith("--virtual-time-budget")]
    command = [CHROMIUM, *flags, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', "sh", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"HOME": str(profile)},
    )  # fmt: skip
    try:
        yield BrowserPage(process)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
