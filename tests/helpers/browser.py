"""The browser that opens pages, where one is installed, and how it is started and driven without a network."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"]
COMMANDS, ANSWERS = 3, 4  # the descriptors of --remote-debugging-pipe: JSON that ends with a NUL byte


class Page:
    """A page that a test clicks on, by the DevTools protocol."""

    def __init__(self, commands: int, answers: int):
        self._commands, self._answers = os.fdopen(commands, "wb"), os.fdopen(answers, "rb")
        self._number, self._session = 0, None
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._commands.write(json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode())
        self._commands.write(b"\0")
        self._commands.flush()
        while (answer := self._receive()).get("id") != self._number:
            pass  # an event
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        text = b""
        while not text.endswith(b"\0"):
            byte = self._answers.read(1)
            assert byte, "the browser has ended"
            text += byte
        return json.loads(text[:-1])

    def open(self, address: str) -> None:
        """Go to an address anew, even where only what follows its `#` differs."""
        self._send("Page.navigate", url="about:blank")
        self._send("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return self._send("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def text(self) -> str:
        """What the page shows."""
        return self.run("document.body ? document.body.innerText : ''") or ""

    def wait_for(self, script: str, seconds: float = 40.0) -> None:
        """Until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"not within {seconds} s: {script}\n{self.text()}"
            time.sleep(0.2)

    def wait_for_text(self, text: str, seconds: float = 40.0) -> None:
        self.wait_for(f"!!document.body && document.body.innerText.includes({json.dumps(text)})", seconds)

    def click(self, text: str) -> None:
        """Click on the innermost element with exactly this text, once there is one that can be seen."""
        found = f"[...document.querySelectorAll('*')].filter(e => e.innerText?.trim() === {json.dumps(text)}"
        self.click_on(f"{found} && e.getClientRects().length).at(-1)")

    def click_on(self, element: str, across: float = 0.5) -> None:
        """Click on an element, a JavaScript expression, once it is there; across: from 0, its left end, to 1."""
        self.wait_for(f"!!({element})")
        self.run(f"({element}).scrollIntoView({{block: 'center'}})")
        box = self.run(f"({element}).getBoundingClientRect().toJSON()")
        place = {"x": box["x"] + across * box["width"], "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["data"]))


@contextmanager
def browser(profile: Path, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """A page of a browser that ends with this context."""
    read, commands = os.pipe()
    answers, write = os.pipe()
    command = [CHROMIUM, *FLAGS[:-1], "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    # The shell gives the pipes the numbers that the browser asks for; its own are above 9 if they must be.
    script = f'exec {COMMANDS}<&{read} {ANSWERS}>&{write} "$@"'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command, f"--window-size={width},{height}"],
        pass_fds=(read, write),
        env=os.environ | {"HOME": str(profile)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read)
    os.close(write)
    try:
        yield Page(commands, answers)
    finally:
        process.terminate()
        process.wait(20)
