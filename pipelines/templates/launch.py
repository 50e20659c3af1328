"""Submit a job to Dataflow from a flex template's launcher, with the parameters that it was given."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from pipelines import release, screen
from pipelines.launch import options as flags

log = logging.getLogger(__name__)


def arguments(given: Sequence[str]) -> tuple[bool, list[str]]:
    """Return whether the job is `screen` (else it is `release`), and its flags, given those of the launcher.

    The launcher passes `--name=value`, already checked against the template's metadata. Flags that neither the job nor
    Beam knows are left out, and so are empty values. Workers never get public addresses.
    """
    screens = any(each.partition("=")[0] == "--input" for each in given)  # release has no such flag
    known = flags.names(screen.arguments() if screens else release.arguments())
    kept = []
    for each in given:
        name, equals, value = each.partition("=")
        if name in ("--use_public_ips", "--no_use_public_ips") or (equals and not value):
            continue
        if name.startswith("--") and name not in known:
            log.warning("left_out", extra={"flag": name})
            continue
        kept.append(each)
    return screens, [*kept, "--no_use_public_ips"]


def main(given: Sequence[str] | None = None) -> int:
    """Submit the job and return the exit code: 0 if it was submitted, 2 if it was refused."""
    screens, kept = arguments(sys.argv[1:] if given is None else given)
    return screen.main(kept) if screens else release.main(kept)


if __name__ == "__main__":
    sys.exit(main())
