"""What `make` runs: set up what is missing, serve, test.

Standard library only, so that it runs before anything is installed; the exceptions, `database` and `catalogues`, run in the
virtual environment once that is there.
"""
