"""The command `python -m models.adopt`; see `models.adopt.bundle`."""

from models.adopt.bundle import main

if __name__ == "__main__":
    main()
