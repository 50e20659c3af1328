"""Adds the machine's facts to gpu.json and prints the table: `python -m tests.gpu.report gpu.json`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.benchmarks.engines.machine import machine
from tests.gpu.parts import ROOT

ASKED = ("name", "driver_version", "memory.total", "compute_cap", "clocks.max.sm", "power.limit")


def facts() -> dict[str, Any]:
    """What the figures were measured on: the machine, the versions, CUDA, the driver, the commit."""
    import onnxruntime as ort
    import torch

    return {
        **machine(),
        "driver": dict(zip(ASKED, _output("nvidia-smi", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader")
                           .partition("\n")[0].split(", "), strict=False)),
        "torch_cuda": torch.version.cuda,
        "torch_cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "onnxruntime": {
            "version": ort.__version__,
            "file": ort.__file__,
            "providers": ort.get_available_providers(),
            "build": ort.get_build_info(),
        },
        "commit": _output("git", "-C", str(ROOT), "rev-parse", "HEAD") or None,
        "changed": bool(_output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")),
    }  # fmt: skip


def _output(*command: str) -> str:
    """What a command prints; nothing where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()


def show(said: dict[str, Any], console: Console) -> None:
    """The table, and below it the end of the output of each part that failed."""
    known = said.get("facts", {})
    gpu = known.get("gpu") or ("no GPU: a rehearsal on the CPU" if said["provider"] == "cpu" else "no GPU")
    title = f"{gpu}, {known.get('cores')} cores of {known.get('cpu')}, scale {said['scale']:g}"
    table = Table(title=title, box=None, title_justify="left")
    table.add_column("part", no_wrap=True)
    table.add_column("measured", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("wanted", no_wrap=True)
    for name, part in said["parts"].items():
        state, style = ("failed", "bold red") if "failed" in part else ("done", "green")
        table.add_row(name, Text(state, style), f"{part['seconds']:.0f}", "s")
        for line in part.get("lines", ()):
            held = "" if line["held"] else "bold red"
            wanted = line["bar"] if line["held"] else f"{line['bar']}: missed"
            table.add_row("", line["what"], f"{line['value']:,.6g}", line["unit"], Text(wanted, held))
    for name, part in said["parts"].items():
        if "failed" in part:
            console.print(Text(f"\n{name} failed: {part['failed'][0]}", "bold red"))
            console.print(Text("\n".join(f"  {line}" for line in part["failed"][1:])))
    console.print()
    console.print(table)


def main() -> int:
    """Complete the file and show it."""
    file = Path(sys.argv[1])
    said = json.loads(file.read_text(encoding="utf-8"))
    try:
        said["facts"] = facts()
    except Exception as error:  # a broken installation must not cost the figures that there are
        said["facts"] = {"failed": repr(error)}
    file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    show(said, Console(width=150, highlight=False))
    print(f"written to {file}")
    return 1 if "failed" in said["facts"] else 0


if __name__ == "__main__":
    sys.exit(main())
