"""Writes the index of published bundles anew from their folders.

    python -m models.registry ROOT

ROOT is a folder or `gs://` prefix that holds NAME/VERSION/bundle.json. Publishing enters each version by itself; this
is for a root that had no index, or a publication that was cut off just before its entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.console import command_line, console


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("root", metavar="ROOT")
    args = parser.parse_args(argv)
    with console():
        from models.publish.registry import log, reindex, store_root

        index = reindex(store_root(args.root))
        log.info("%d versions of %d bundles", len(index.listed), len(index.bundles))


if __name__ == "__main__":
    main()
