"""Confine a decoder's child: limits on its resources, then Linux's walls, which can't be taken down again.

Landlock (kernel 5.13) takes away the file system, TCP and signals to other processes; seccomp (kernel 4.14, through
libseccomp) takes away every system call except those below. Neither needs privileges. A kernel, a container or a
machine without libseccomp may refuse either, so the functions here return the names of the walls that do stand.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from screening.decode.sandbox import imports

LIMITS, LANDLOCK, SECCOMP = "limits", "landlock", "seccomp"
FULL = f"{SECCOMP}+{LANDLOCK}+{LIMITS}"
OPEN_FILES = 64

# What a decoder in Python needs once everything is loaded; any other call kills the process. Returning an error
# instead would let a library go on without what it asked for: it might decode differently than on a machine without
# walls, and nobody would know.
ALLOWED = (
    *("read", "readv", "write", "writev", "close"),  # the two pipes, and libraries' stderr, which goes nowhere
    *("brk", "mremap", "munmap", "madvise"),  # memory; mmap and mprotect below
    *("futex", "sched_yield", "sched_getaffinity", "sysinfo"),  # locks; how many cores, how much memory (qsort asks)
    *("clock_gettime", "clock_getres", "gettimeofday", "time"),  # where the vDSO does not answer
    *("nanosleep", "clock_nanosleep", "restart_syscall"),  # the parent's deadline ends any wait
    *("getpid", "gettid", "getrusage", "getrandom"),  # about itself
    *("setitimer", "rt_sigreturn", "rt_sigprocmask"),  # our timers; without rt_sigaction, nothing can catch them
    *("set_robust_list", "rseq"),  # a thread, when it starts; clone below
    *("exit", "exit_group"),
)
PROT_EXEC, ENOTTY, ENOSYS, PR_SET_NO_NEW_PRIVS = 4, 25, 38, 38
# linux/sched.h: what pthread_create asks for (VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID and
# CHILD_CLEARTID), with or without DETACHED. HEIC's decoder works in a thread of its own and can't be told otherwise.
THREAD, DETACHED = 0x3D0F00, 0x400000
ENDING = 1.0  # seconds in which a thread that was joined also leaves the list of tasks

# linux/landlock.h: the rights that each version of its interface can take away
CREATE_RULESET, RESTRICT_SELF, TELL_VERSION = 444, 446, 1
FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
TCP_RIGHTS = {4: 0b11}  # bind, connect
SCOPES = {6: 0b11}  # abstract Unix sockets, signals


def limit(memory_bytes: int) -> list[str]:
    """Limit this process (address space, no file writes, no core dump, few open files), and return what now holds.

    Processor time is limited elsewhere, for each upload: RLIMIT_CPU counts whole seconds since the process began.
    """
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    if sys.platform == "darwin":
        del wanted[resource.RLIMIT_AS]  # macOS knows this limit and refuses to set it
    for what, most in wanted.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    return [LIMITS] if resource.RLIMIT_AS in wanted else [f"{LIMITS} without memory"]


def seal() -> list[str]:
    """Put up the walls around this process, for good, and return the names of those that stand.

    Afterwards nothing can be imported any more.
    """
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return []
    load = _seccomp()  # made first, since it reads files; put up last, since it forbids the calls between
    imports.finish()
    landlock = [LANDLOCK] if _landlock() else []
    return [SECCOMP, *landlock] if load() else landlock


class _Ruleset(ctypes.Structure):
    _fields_: ClassVar = [
        ("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scopes", ctypes.c_uint64),
    ]  # fmt: skip


def _landlock() -> bool:
    try:
        until = time.monotonic() + ENDING
        while len(list(Path("/proc/self/task").iterdir())) != 1:  # it binds only the calling thread and its children
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
    except OSError:
        return False
    syscall = ctypes.CDLL(None).syscall
    version = syscall(CREATE_RULESET, None, ctypes.c_size_t(0), TELL_VERSION)
    if version < 1:
        return False
    known = FILE_RIGHTS, TCP_RIGHTS, SCOPES
    ruleset = _Ruleset(*(sum(bits for since, bits in each.items() if since <= version) for each in known))
    size = ctypes.c_size_t(8 * (1 + (version >= 4) + (version >= 6)))
    handle = syscall(CREATE_RULESET, ctypes.byref(ruleset), size, 0)  # without a rule that allows anything
    if handle < 0:
        return False
    try:
        return bool(syscall(RESTRICT_SELF, handle, 0) == 0)
    finally:
        os.close(handle)


def _seccomp() -> Callable[[], bool]:
    """Make the allow-list; return a function that puts it up and says whether it stands."""
    try:
        import pyseccomp as seccomp  # looks for the C library when imported

        no_code = seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0)
        rules = (
            *((seccomp.ALLOW, name, ()) for name in ALLOWED),
            (seccomp.ALLOW, "mmap", (no_code,)),
            (seccomp.ALLOW, "mprotect", (no_code,)),
            (seccomp.ALLOW, "tgkill", (seccomp.Arg(0, seccomp.EQ, os.getpid()),)),  # abort()
            (seccomp.ALLOW, "prlimit64", (seccomp.Arg(0, seccomp.EQ, 0), seccomp.Arg(2, seccomp.EQ, 0))),  # to read one
            (seccomp.ERRNO(ENOTTY), "ioctl", ()),  # "is this a terminal?"
            (seccomp.ALLOW, "clone", (seccomp.Arg(0, seccomp.MASKED_EQ, (1 << 64) - 1 - DETACHED, THREAD),)),
            (seccomp.ERRNO(ENOSYS), "clone3", ()),  # its flags can't be seen; the C library then takes `clone`
        )
        walls = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
        walls.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
        walls.set_attr(seccomp.Attr.CTL_TSYNC, 1)  # for every thread of the process
        for action, name, conditions in rules:
            if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:  # aarch64 has no `time`
                walls.add_rule(action, name, *conditions)
    except (ImportError, RuntimeError, OSError):
        return lambda: False

    def load() -> bool:
        try:
            walls.load()
        except OSError:
            return False
        return True

    return load
