"""The parts of the kit, each a process of its own with a deadline: one that hangs or dies leaves the others alone.

Imports nothing but the standard library, since the interpreter that starts the kit need not have more.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Seconds that each may take on a machine with a GPU and 16 cores: with what is installed before, 8 minutes in all.
PARTS = {"suite": 50, "parity": 70, "engines": 80, "job": 110, "images": 50, "training": 40}
INSTALLATION, REPORT = 60, 20
TAIL = 15  # lines of the output of a part that failed
REHEARSAL = "CONTENT_SCREENING_GPU_REHEARSAL"  # as screening/classifiers/engines/cuda.py reads it


def environment(provider: str, python: str = sys.executable) -> dict[str, str]:
    """What every part runs in: the checkout's packages, no network, and CUDA where wheels of PyTorch or ours put it.

    `onnxruntime` looks for CUDA beside itself, and PyTorch may lie elsewhere.
    """
    said = dict(os.environ)
    said["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), said.get("PYTHONPATH", ""))))
    said |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "PYTHONUNBUFFERED": "1"}
    if provider == "cpu":  # with one thread: on a busy machine torch's threads wait for one another
        return said | {"CUDA_VISIBLE_DEVICES": "", REHEARSAL: "1", "OMP_NUM_THREADS": "1"}
    said.pop(REHEARSAL, None)
    own = Path(python).absolute().parents[1].glob("lib/python*/site-packages")
    folders = dict.fromkeys((*sys.path, *map(str, own)))
    libraries = [str(found) for folder in folders for found in sorted(Path(folder).glob("nvidia/*/lib"))]
    said["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, (*libraries, said.get("LD_LIBRARY_PATH", ""))))
    return said


def run_part(name: str, python: str, provider: str, scale: float, seconds: float, out: Path) -> dict[str, Any]:
    """What a part found, and `failed` with the end of its output where it failed or was stopped after `seconds`.

    Everything it printed is in `out`/NAME.log.
    """
    result = out / f"{name}.json"
    result.unlink(missing_ok=True)
    command = [python, "-m", "tests.gpu.parts", name, f"--provider={provider}", f"--scale={scale}", f"--out={result}"]
    said = run_command(command, environment(provider, python), seconds, out / f"{name}.log")
    found: dict[str, Any] = json.loads(result.read_text()) if result.is_file() else {"lines": []}
    return {**found, **said}


def run_command(command: list[str], variables: dict[str, str], seconds: float, log: Path) -> dict[str, Any]:
    """The `seconds` that a command took, and `failed` with the end of its output unless it ended well and in time.

    Past its time it is killed with every process that it started.
    """
    start = time.monotonic()
    why = ""
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            if process.wait(seconds):
                why = f"it ended with exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            why = f"it was stopped after its {seconds:.0f} s"
        finally:  # also when the kit itself is stopped
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    said: dict[str, Any] = {"seconds": round(time.monotonic() - start, 1)}
    if why:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        said["failed"] = [why, *lines[-TAIL:]]
    return said


def main() -> int:
    """Run one part in this process and write what it found; 1 when a check did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    flags = parser.parse_args()
    from tests.gpu.kit import Kit

    with tempfile.TemporaryDirectory(prefix=f"gpu-{flags.part}-") as folder:
        kit = Kit(flags.provider, flags.scale, Path(folder))
        found = importlib.import_module(f"tests.gpu.{flags.part}").measure(kit)
    flags.out.write_text(json.dumps(found.document(), indent=1) + "\n", encoding="utf-8")
    missed = [line for line in found.lines if not line.held]
    for line in missed:
        print(f"{line.what}: {line.value:g} {line.unit}, wanted {line.bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
