"""What every contestant runs: generated articles, as files, as texts, and as the windows that the product cuts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from screening.classifiers import Bundle
from screening.classifiers.windows import Window, load_tokenizer, windows
from tests.generate import write_articles


def tokenizer_of(bundle: Bundle) -> Tokenizer:
    """A text bundle's tokenizer, set to cut windows as the product does."""
    manifest = bundle.manifest
    assert manifest.text
    assert manifest.tokenizer
    return load_tokenizer(bundle.read(manifest.tokenizer), manifest.text, bundle.file)


@dataclass(frozen=True)
class Work:
    """Articles of log-normal length; a smaller work is the beginning of a larger one."""

    folder: Path
    texts: tuple[str, ...]
    tokenizer: Tokenizer

    def cut(self) -> list[Window]:
        """The windows, in order: contestants that are fed tokens do this on the clock."""
        return list(windows(self.tokenizer, self.texts))

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each window, its two special ones included."""
        return [window.span.tokens for window in self.cut()]

    @cached_property
    def tokens(self) -> int:
        """Useful tokens: those of all windows, without padding."""
        return sum(self.lengths)

    @cached_property
    def pieces(self) -> list[str]:
        """The text of each window, for contestants that tokenise by themselves."""
        spans = (window.span for window in self.cut())
        return [self.texts[span.text][span.start : span.end] for span in spans]


def make_work(folder: Path, number: int, bundle: Bundle) -> Work:
    """`number` articles written to a folder of their own below `folder`."""
    own = folder / str(number)
    write_articles(own, number)
    texts = tuple(path.read_text(encoding="utf-8") for path in sorted(own.rglob("*.txt")))
    return Work(own, texts, tokenizer_of(bundle))
