"""What every test shares: Hypothesis draws the same examples everywhere and never fails for slowness."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("cx", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("cx")
