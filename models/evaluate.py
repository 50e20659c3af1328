"""The command `python -m models.evaluate`; see `models.measure.evaluate`."""

from models.measure.evaluate import main

if __name__ == "__main__":
    main()
