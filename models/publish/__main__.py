"""The command `python -m models.publish`; see `models.publish.bundle`."""

from models.publish.bundle import main

if __name__ == "__main__":
    main()
