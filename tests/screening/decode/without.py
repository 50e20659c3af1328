"""`python without.py CALL,... PROGRAM ARGUMENT...`: a Python program on a kernel that lacks these system calls.

Its children inherit that, so a decoder's child finds Landlock or seccomp missing as it would on an older kernel.
"""

from __future__ import annotations

import errno
import os
import sys

import pyseccomp

CALLS = {"landlock": ["landlock_create_ruleset"], "seccomp": ["seccomp"]}

if __name__ == "__main__":
    kernel = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for wall in sys.argv[1].split(","):
        for call in CALLS[wall]:
            kernel.add_rule(pyseccomp.ERRNO(errno.ENOSYS), call)
        if wall == "seccomp":  # libseccomp falls back on prctl(PR_SET_SECCOMP)
            kernel.add_rule(pyseccomp.ERRNO(errno.EINVAL), "prctl", pyseccomp.Arg(0, pyseccomp.EQ, 22))
    kernel.load()
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
