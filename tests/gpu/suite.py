"""The tests marked `gpu`."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from tests.gpu.kit import Found, Kit


def measure(kit: Kit) -> Found:
    """Run them; what failed is in the log. In a rehearsal those that need the hardware itself are skipped."""
    report = kit.folder / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-rs", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run([*command, "tests/gpu"], check=False)
    (counted,) = ElementTree.parse(report).getroot().iter("testsuite")
    every, skipped, *bad = (int(counted.attrib[name]) for name in ("tests", "skipped", "failures", "errors"))
    found = Found()
    found.at_least("tests passed", every - skipped - sum(bad), 1)
    found.at_most("tests failed", sum(bad), 0)
    if kit.is_rehearsal:
        found.measured("tests skipped", skipped)
    else:
        found.at_most("tests skipped", skipped, 0)
    return found
