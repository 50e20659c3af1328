"""What a flex template's launcher runs: the job whose parameters it was given, submitted to Dataflow."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from pipelines import release, screen
from pipelines.launch import options as flags

log = logging.getLogger(__name__)


def arguments(given: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether it is `screen` (else `release`), and its flags, from `--name=value` of the launcher.

    The parameters were held against the template's metadata before; what else the launcher adds and neither the job
    nor Beam knows is left out, and so are empty values. Workers never have public addresses.
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
    """The command: 0 submitted, 2 refused."""
    screens, kept = arguments(sys.argv[1:] if given is None else given)
    return screen.main(kept) if screens else release.main(kept)


if __name__ == "__main__":
    sys.exit(main())
