"""What every test shares: Hypothesis draws the same examples everywhere and never fails for slowness."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("bench", "harness")  # the helpers of tests/browser

settings.register_profile("cx", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("cx")

BROWSER = Path(__file__).parent / "browser"


@pytest.fixture(autouse=True)
def no_loop_of_a_browser(request):
    """Hide the event loop that Playwright keeps running in a process that has driven a browser before."""
    if BROWSER in request.path.parents:
        yield
        return
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)
