"""Holds the README's annotated tree against the disk: `python tests/readme_tree.py` exits 1 when they differ.

Every path in the tree must exist, and every tracked file of the top level, and every package below the
top-level folders, must stand in it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("screening", "pipelines", "models", "tests", "terraform")


def tree_paths(readme: str) -> set[str]:
    """The paths of the fenced block that begins with `content-screening/`; two spaces a level."""
    block = re.search(r"```\ncontent-screening/\n(.*?)```", readme, re.S)
    if block is None:
        sys.exit("README.md has no tree: a fenced block whose first line is content-screening/")
    stack: list[str] = []
    paths = set()
    for line in block[1].splitlines():
        entry = line.split("  #")[0].rstrip()
        if not entry.strip():
            continue
        depth = (len(entry) - len(entry.lstrip())) // 2 - 1
        for name in entry.split():
            stack[depth:] = [name.rstrip("/")]
            paths.add("/".join(stack[: depth + 1]))
    return paths


def disk_paths() -> set[str]:
    """What must stand in the tree: top-level files, the five folders, and the folders just below them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    files = [line for line in listed if (ROOT / line).exists()]
    top = {file for file in files if "/" not in file and not file.startswith(".")}
    below = {"/".join(file.split("/")[:2]) for file in files if file.split("/")[0] in FOLDERS and file.count("/") > 1}
    return top | {file.split("/")[0] for file in files if file.split("/")[0] in FOLDERS} | below


def main() -> int:
    """Say what differs; 0 when nothing does."""
    shown, there = tree_paths((ROOT / "README.md").read_text(encoding="utf-8")), disk_paths()
    gone = sorted(path for path in shown if not (ROOT / path).exists())
    unsaid = sorted(there - shown)
    for path in gone:
        print(f"README.md shows {path}, which is not on the disk")
    for path in unsaid:
        print(f"README.md does not show {path}")
    return 1 if gone or unsaid else 0


if __name__ == "__main__":
    sys.exit(main())
