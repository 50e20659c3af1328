"""An environment for the kit on a machine without a network: what the machine has, and wheels for the rest.

Imports nothing but the standard library.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tests.gpu.parts import INSTALLATION, ROOT, environment, run_command

REQUIREMENTS = Path(__file__).with_name("requirements.in")
LOCK = REQUIREMENTS.with_suffix(".lock")


def install(wheels: Path, out: Path, patience: float) -> tuple[str, dict[str, Any]]:
    """The environment's Python and how the installation went, as a part says it.

    The packages of this interpreter are seen from there, so its PyTorch is used; but the environment's own come first,
    so onnxruntime-gpu hides an `onnxruntime` that the machine has (the two must never share a folder). It is made
    without pip, which Debian leaves out of its Python; this interpreter's pip installs into it.
    """
    folder = out / "environment"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        seen = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        # addsitedir and not plain paths, so that what stands in *.pth files there holds too
        (packages / "machine.pth").write_text(f"import site; [site.addsitedir(path) for path in {seen!r}]\n")
    command = [
        sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", f"--find-links={wheels}",
        "--no-compile", "--disable-pip-version-check",
    ]  # fmt: skip
    seconds = INSTALLATION * patience
    said = run_command([*command, *wanted()], environment("cpu"), seconds, out / "install.log")
    if "failed" in said and (left := seconds - said["seconds"]) > 0:
        # pip resolves nothing where the machine's own packages don't agree with one another, which is no reason to stop
        plain = run_command([*command, "--no-deps", *missing()], environment("cpu"), left, out / "install-missing.log")
        said = {**plain, "seconds": round(said["seconds"] + plain["seconds"], 1), "resolved": said["failed"]}
    return str(python), said


def wanted() -> list[str]:
    """The product's own requirements, on the runtime for GPUs, and what the kit needs besides."""
    product = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    own = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [*(each for each in product if name(each) != "onnxruntime"), *own]


def missing() -> list[str]:
    """The locked versions of what this interpreter has in no version at all."""
    locked = re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.M)
    there = {re.sub(r"[-_.]+", "-", found.name).lower() for found in distributions()}
    return [f"{package}=={version}" for package, version in locked if package not in there]


def name(requirement: str) -> str:
    """The package that a requirement names."""
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
