"""What can go wrong, named by what follows from it.

ScreeningError
├── UploadError       this upload can't be judged: it gets an `error` verdict with the reason, the run goes on
│   └── Replaced      the object is no longer the generation that was asked for
├── TargetError       what was accepted can't be put there: the act stays to be done, and a person must look
├── TransientError    trying again may help: retried with back-off, then an `error` verdict
├── TableError        what lies under --results is damaged or not ours: the command stops, nothing is released
└── ConfigError       a flag, policy, bank or bundle is wrong: the job stops before the first read
"""

from __future__ import annotations

# Why an upload could not be judged, where that is no fault of its bytes: the next run tries these again. All other
# reasons stand for a fingerprint. `replaced` and `not_found` do too: what took that generation's place is listed anew.
CIRCUMSTANCES = frozenset(
    {
        "read_failed",  # the store gave up
        "unreadable",  # access is denied
        "missing_field",  # the store did not say enough of the object
        "decode_timeout",  # the machine was too busy: heavy bytes meet a limit on work first
        "decoder_crashed",
        "classifier_failed",
        "internal_error",
    }
)


class ScreeningError(Exception):
    """Everything that this product raises on purpose."""


class UploadError(ScreeningError):
    """One upload can't be judged; `reason` is a stable id, `detail` says more and never holds content."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Replaced(UploadError):
    """The object is gone or is another generation than the one that was listed or screened."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("replaced", detail)


class TargetError(ScreeningError):
    """The place to which an upload is to be copied can't take it; the upload itself is as it should be."""


class TransientError(ScreeningError):
    """The store or the network failed in a way that another try may mend."""


class TableError(ScreeningError):
    """A result table, or a file of it, is not what was written: which one, of which runs, what is wrong with it."""

    def __init__(self, what: str, *, file: str = "", runs: str = "", fix: str = "") -> None:
        fix = fix or (
            "put it back from a backup, or in a bucket from its noncurrent or soft-deleted version; if there is none, "
            "screen everything again into another --results"
        )
        # Without a file it is the message of such an error, as Beam words it anew.
        super().__init__(f"{file}: {what}" + (f" ({runs})" if runs else "") + f"\n  {fix}" if file else what)


class ConfigError(ScreeningError):
    """The job can't start: where (file, line), what is wrong, and what to do about it."""

    def __init__(self, what: str, *, file: str = "", line: int = 0, fix: str = "") -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{where}{what}" + (f"\n  {fix}" if fix else ""))
        self.what = what
        self.file = file
        self.line = line
        self.fix = fix
