"""The command `python -m models.first_stage`; see `models.measure.first_stage`."""

from models.measure.first_stage import main

if __name__ == "__main__":
    main()
