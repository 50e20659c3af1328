"""The command `python -m models.export`; see `models.export.text`."""

from models.export.text import main

if __name__ == "__main__":
    main()
