"""The command `python -m models.registry`; see `models.publish.registry`."""

from models.publish.registry import main

if __name__ == "__main__":
    main()
