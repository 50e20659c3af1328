"""Write the index of published bundles again from their folders.

    python -m models.registry ROOT

ROOT is a folder or `gs://` prefix that holds NAME/VERSION/bundle.json. Publishing adds each version to the index by
itself. This command is for a root without an index, or after a publication that was interrupted just before that.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.console import command_line, console


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("root", metavar="ROOT", help="the folder or gs:// prefix of the bundles")
    args = parser.parse_args(argv)
    with console():
        from models.publish.registry import log, reindex, store_root

        index = reindex(store_root(args.root))
        log.info("%d versions of %d bundles", len(index.listed), len(index.bundles))


if __name__ == "__main__":
    main()
