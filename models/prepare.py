"""The command `python -m models.prepare`; see `models.data.prepare`."""

from models.data.prepare import main

if __name__ == "__main__":
    main()
