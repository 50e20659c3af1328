"""The errors of this product, named by their consequences.

ScreeningError
├── UploadError       this upload can't be judged: it gets an `error` verdict with the reason, and the run goes on
│   └── Replaced      the object is no longer the generation that was asked for
├── TargetError       an accepted upload can't be put where it belongs: it stays to be released, and a person must look
├── TransientError    another try may help: it is retried with back-off, and then becomes an `error` verdict
├── TableError        the tables under --results are damaged or not ours: the command stops, and nothing is released
└── ConfigError       a flag, policy, bank or bundle is wrong: the job stops before the first read
"""

from __future__ import annotations

# Reasons that are no fault of the upload's bytes: the next run tries these uploads again. All other reasons are final
# for a fingerprint. So are `replaced` and `not_found`: what took that generation's place is listed as a new upload.
CIRCUMSTANCES = frozenset(
    {
        "read_failed",  # the store gave up
        "unreadable",  # access was denied
        "missing_field",  # the store did not say enough about the object
        "decode_timeout",  # the machine was too busy: heavy bytes would meet a limit on work first
        "decoder_crashed",
        "classifier_failed",
        "internal_error",
    }
)


class ScreeningError(Exception):
    """The base of all errors that this product raises on purpose."""


class UploadError(ScreeningError):
    """One upload can't be judged. `reason` is a stable id; `detail` says more, and never holds content."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Replaced(UploadError):
    """The object is gone, or it is another generation than the one that was listed or screened."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("replaced", detail)


class TargetError(ScreeningError):
    """An upload can't be copied to its target; nothing is wrong with the upload itself."""


class TransientError(ScreeningError):
    """The store or the network failed in a way that may pass, so that another try may help."""


class TableError(ScreeningError):
    """A result table, or a file of it, is not what was written; this says which file, of which runs, and how."""

    def __init__(self, what: str, *, file: str = "", runs: str = "", fix: str = "") -> None:
        fix = fix or (
            "restore it from a backup, or in a bucket from its noncurrent or soft-deleted version; if there is none, "
            "screen everything again into another --results"
        )
        # Beam raises such an error again with its message alone; then there is no file.
        super().__init__(f"{file}: {what}" + (f" ({runs})" if runs else "") + f"\n  {fix}" if file else what)


class ConfigError(ScreeningError):
    """The job can't start; the error says where (file, line), what is wrong, and what to do about it."""

    def __init__(self, what: str, *, file: str = "", line: int = 0, fix: str = "") -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{where}{what}" + (f"\n  {fix}" if fix else ""))
        self.what = what
        self.file = file
        self.line = line
        self.fix = fix
