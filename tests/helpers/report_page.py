"""A report in a browser without a window, driven as a reader would: looked at, clicked, typed into."""

import json
from pathlib import Path
from typing import Any

from browser import Page


class ReportPage(Page):
    """`look` evaluates JavaScript for the test, whatever the page's own policy allows."""

    def open(self, page: Path, width: int = 1280, height: int = 900, script: bool = True) -> None:
        """Open a file at a size in CSS pixels, without its scripts if not `script`, and wait until it is loaded."""
        self.send("Page.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.send("Page.navigate", url=page.as_uri())
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def look(self, expression: str) -> Any:
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """Click into the middle of an element."""
        self.click_on(f"document.querySelector({json.dumps(selector)})")

    def press(self, key: str) -> None:
        text = {"text": " "} if key == " " else {}
        code = {" ": 32, "Tab": 9, "ArrowRight": 39}[key]
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                      **(text if kind == "keyDown" else {}))  # fmt: skip
