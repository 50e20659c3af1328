"""Everything that needs a GPU, in one go of at most 8 minutes: `python3 -m tests.gpu --wheels gpu-wheels`.

On a bare machine with CUDA, Python 3.12 and PyTorch, and no network; tests/gpu/README.md says what to bring. Without
`--wheels` the parts run on this interpreter. `--provider cpu --scale 0.01` rehearses everything without a GPU. Prints
one table last, writes gpu.json into `--out`, and ends with 1 when a part failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.gpu.install import install
from tests.gpu.parts import PARTS, REPORT, environment, run_command, run_part

OUT = Path(__file__).with_name("out")


def main() -> int:
    """Install, run the parts one after another, show."""
    parser = argparse.ArgumentParser(prog="tests.gpu", description=__doc__)
    parser.add_argument("--wheels", type=Path, help="folder of wheels; what this machine lacks is installed from it")
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,…", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--provider", choices=("cuda", "cpu"), default="cuda", help="cpu: a rehearsal")
    parser.add_argument("--scale", type=float, default=1.0, help="times the full sizes")
    parser.add_argument("--patience", type=float, default=1.0, help="times the seconds that each part may take")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for gpu.json, the logs and the environment")
    flags = parser.parse_args()
    chosen = flags.only.split(",")
    if unknown := sorted(set(chosen) - PARTS.keys()):
        parser.error(f"there is no part {unknown[0]!r}")
    out = flags.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    python, parts = sys.executable, dict[str, dict[str, Any]]()
    if flags.wheels:
        print("install …", flush=True)
        python, parts["install"] = install(flags.wheels.resolve(), out, flags.patience)
    for name in chosen:
        print(f"{name} …", flush=True)
        seconds = PARTS[name] * flags.patience
        parts[name] = run_part(name, python, flags.provider, flags.scale, seconds, out)
    said = {"provider": flags.provider, "scale": flags.scale, "parts": parts}
    (out / "gpu.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    log, limit = out / "report.log", REPORT * max(1, flags.patience)
    shown = run_command(
        [python, "-m", "tests.gpu.report", str(out / "gpu.json")], environment(flags.provider, python), limit, log
    )
    print(log.read_text(encoding="utf-8"), flush=True)
    return 1 if "failed" in shown or any("failed" in part for part in parts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
