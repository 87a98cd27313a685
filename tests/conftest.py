"""What every test shares: Hypothesis draws the same examples everywhere and never fails for slowness."""

from __future__ import annotations

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("bench", "harness")  # the helpers of tests/browser

settings.register_profile("cx", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("cx")
