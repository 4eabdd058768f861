"""The same content as YAML in layouts drawn at random: blocks and brackets, comments, quotes, anchors, line ends."""

import json
import random
import re
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


class Layout:
    """One way of writing a document, drawn by its number; `text` has every choice, `encoded` line ends and a mark."""

    def __init__(self, number: int):
        self.random = random.Random(number)
        self.anchors: dict[str, str] = {}  # JSON of a value → the anchor of its first occurrence
        self.comments = 0
        self.uses_anchors, self.uses_comments = self.chance(0.4), self.chance(0.8)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def encoded(self, document: dict) -> bytes:
        text = self.text(document)
        text = text.rstrip("\n") if self.chance(0.2) else text
        newline = self.random.choice(["\n", "\n", "\r\n", "\r"])
        return ("\ufeff" if self.chance(0.2) else "").encode() + text.replace("\n", newline).encode()

    def text(self, document: dict) -> str:
        if self.chance(0.05):
            return self.flow(document) + "\n"
        lines = ["# Our study.", "", *(["---"] if self.chance(0.2) else [])]
        for key, value in document.items():
            lines += self.entry(key, value, 0)
            lines += [""] * self.random.randint(0, 2) + self.comment_lines(0)
        return "\n".join(lines) + "\n"

    def comment(self) -> str:
        """A comment behind something on its line, or nothing."""
        if not (self.uses_comments and self.chance(0.3)):
            return ""
        self.comments += 1
        return f"{' ' * self.random.randint(1, 4)}# comment {self.comments}: [x, y"

    def comment_lines(self, indent: int) -> list[str]:
        if not (self.uses_comments and self.chance(0.15)):
            return []
        self.comments += 1
        return [f"{' ' * indent}# above {self.comments}: {{z"]

    def entry(self, key: str, value: Any, indent: int) -> list[str]:
        """The lines of a key with its value."""
        lines = self.comment_lines(indent)
        start = f"{' ' * indent}{self.key(key)}:"
        if self.chance(0.03):
            start = f"{' ' * indent}? {self.key(key)}{self.comment()}\n{' ' * indent}:"
        return [*lines, *self.node(start, value, indent)]

    def node(self, start: str, value: Any, indent: int) -> list[str]:
        """`start`, a key or a dash at this indent, followed by the value."""
        anchor = self.anchor(value)
        if anchor.startswith("*"):
            return [f"{start} {anchor}{self.comment()}"]
        start += f" {anchor}" if anchor else ""
        if isinstance(value, (dict, list)) and value and not self.chance(0.3):
            return [start + self.comment(), *self.block(value, indent, in_list=start.lstrip().startswith("-"))]
        if isinstance(value, (dict, list)):
            return [f"{start} {self.flow(value, indent)}{self.comment()}"]
        if isinstance(value, str) and value.isprintable() and self.chance(0.1) and value.strip() == value:
            mark, gap = self.random.choice([">-", "|-"]), " " * (indent + 2)
            return [f"{start} {mark}{self.comment()}", f"{gap}{value}"]
        return [f"{start} {self.scalar(value)}{self.comment()}"]

    def block(self, value: Any, indent: int, in_list: bool) -> list[str]:
        if isinstance(value, dict):
            inner = indent + self.random.choice([1, 2, 2, 4])
            if self.uses_anchors and not in_list and (merged := self.merge(value, inner)):
                return merged
            return [line for key, each in value.items() for line in self.entry(key, each, inner)]
        inner = indent + self.random.choice([0, 0, 2, 4] if not in_list else [2, 4])
        lines = []
        for each in value:
            lines += self.comment_lines(inner) + self.node(f"{' ' * inner}-", each, inner)
        return lines

    def merge(self, value: dict, indent: int) -> list[str]:
        """A mapping by the keys that differ from one with an anchor, if there is such a one of the same keys."""
        for text, name in self.anchors.items():
            other = json.loads(text)
            alike = isinstance(other, dict) and other.keys() == value.keys() and other != value
            if alike and self.chance(0.7):
                own = {key: each for key, each in value.items() if each != other[key]}
                start = [f"{' ' * indent}<<: *{name}{self.comment()}"]
                return start + [line for key, each in own.items() for line in self.entry(key, each, indent)]
        return []

    def anchor(self, value: Any) -> str:
        """`&a` for a value that gets an anchor, `*a` for one that has it, or nothing."""
        if not (self.uses_anchors and isinstance(value, (dict, list, float)) and value):
            return ""
        text = json.dumps(value)
        if text in self.anchors:
            return f"*{self.anchors[text]}" if self.chance(0.7) else ""
        if not self.chance(0.3):
            return ""
        self.anchors[text] = f"a{len(self.anchors)}"
        return f"&{self.anchors[text]}"

    def flow(self, value: Any, indent: int = 0) -> str:
        """In brackets, in one line or broken over several."""
        if not isinstance(value, (dict, list)):
            return self.scalar(value)
        parts = [f"{self.key(k)}: {self.flow(v, indent)}" for k, v in value.items()] if isinstance(value, dict) else [
            self.flow(v, indent) for v in value]  # fmt: skip
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        broken = self.chance(0.3)
        joint = "," + (f"{self.comment()}\n{' ' * (indent + 3)}" if broken else " ")
        return opening + joint.join(parts) + ("," if broken and parts else "") + closing

    def key(self, key: str) -> str:
        return f'"{key}"' if self.chance(0.05) else key

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if PLAIN.fullmatch(value) and value.lower() not in WORDS and self.chance(0.7):
            return value
        return json.dumps(value) if self.chance(0.5) else "'" + value.replace("'", "''") + "'"
