"""What every test shares."""

from hypothesis import settings

# Continuous integration machines stall; a slow example is not a wrong one. The same examples each
# time, so that a failure is a change's and not the dice's.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")
