"""Fixtures: one real server and one browser for each pytest process, one page for each test."""

from __future__ import annotations

import re

import pytest
from harness import CHROMIUM_FLAGS, NO_BROWSER, Host, Server, Voila, find_chromium
from playwright.sync_api import sync_playwright

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):  # noqa: ARG001 - the hook's own signature
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium():
    found = find_chromium()
    if found is None:
        pytest.fail(NO_BROWSER, pytrace=False)
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser_context(chromium, tmp_path_factory):
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium,
            headless=True,
            args=CHROMIUM_FLAGS,
            viewport={"width": 1400, "height": 2600},
            reduced_motion="reduce",
        )
        yield context
        context.close()


def _host(kind, app, request, server, context):
    """Yield a host of its own for one test; afterwards its console must be clean and its kernels gone."""
    server.forget_settings()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", request.node.name).strip("-")
    host = kind(server, context, name, app)
    yield host
    if request.node.stash.get(FAILED, True) and host.page is not None:
        host.screenshot("failed")
    host.close_page()
    server.stop_kernels()
    unexpected = host.unexpected()
    assert not unexpected, "the browser's console says:\n" + "\n".join(unexpected)


@pytest.fixture
def lab(request, server, browser_context):
    yield from _host(Host, "lab", request, server, browser_context)


@pytest.fixture
def notebook7(request, server, browser_context):
    yield from _host(Host, "notebook", request, server, browser_context)


@pytest.fixture
def voila(request, server, browser_context):
    yield from _host(Voila, "voila", request, server, browser_context)
