"""The program. Run it with `python -m app`."""
