"""The web viewer in a real browser: the page connects, shows the markers, and its buttons steer the simulator."""

import contextlib
import io
import os
import socket
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import viser
from optional_parts import browser
from PIL import Image
from playwright.sync_api import Error, ViewportSize, sync_playwright

from hrl_msgs import msg
from hrl_ros import qos

pytestmark = [pytest.mark.needs("browser"), pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(300)]
FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SIZE: ViewportSize = {"width": 1280, "height": 800}
CANVAS = {"x": 0, "y": 0, "width": 900, "height": 800}
"""The part of the page beside the panel."""
ARTEFACTS = Path(os.environ.get("HRL_ARTEFACTS", Path(__file__).parents[2] / "log" / "artefacts"))
CONNECT = """port => new Promise(told => {
    const socket = new WebSocket(`ws://localhost:${port}`, ["viser-v%s"])
    socket.onopen = () => told("open")
    socket.onerror = () => told("refused")
})"""
"""What a page of a stranger would do."""
WAIT = 60_000
"""Milliseconds that a slow machine may take."""


def patient_browser(folder):
    """A browser that gives way as those who look on do, and keeps to it.

    Started by root it puts what draws without a GPU before all else, and a graph beside it stands still.
    """
    program = folder / "browser"
    humble = "setpriv --bounding-set=-sys_nice " if os.geteuid() == 0 else ""
    program.write_text(f'#!/bin/sh\nexec {humble}nice -n 15 {browser()} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def page(tmp_path):
    """A page of a headless browser; ``page.errors`` gathers what its console complains of."""
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=patient_browser(tmp_path), args=list(FLAGS))
        page = running.new_page(viewport=SIZE)
        errors = []
        page.set_default_timeout(WAIT)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.errors = errors  # pyright: ignore[reportAttributeAccessIssue]
        yield page
        with contextlib.suppress(Error):
            # What it showed last: told where a test fails.
            sys.stdout.write(page.inner_text("body", timeout=5000))
        running.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def picture(page):
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=CANVAS))).convert("RGB"), np.int16)


def empty_scene(page):
    """What the page shows without any marker."""
    server = viser.ViserServer("127.0.0.1", free_port(), verbose=False)
    page.goto(f"http://localhost:{server.get_port()}")
    page.get_by_text("Connected").wait_for()
    page.wait_for_timeout(2000)
    empty = picture(page)
    server.stop()
    page.goto("about:blank")
    page.errors.clear()  # the page complains that this server has gone
    return empty


def opened(page, port):
    """Wait for the viewer, then load its page."""
    address, end = f"http://localhost:{port}", time.monotonic() + WAIT / 1000
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            break
        except OSError:
            time.sleep(0.2)
    page.goto(address)


def changed_share(page, empty):
    """Share of pixels that differ from the empty scene."""
    return float((np.abs(picture(page) - empty).max(axis=2) > 20).mean())


def keep_picture(page):
    """A screenshot to be looked at, without viser's notice that the browser has no GPU."""
    notice = page.get_by_text("Software WebGL rendering detected")
    if notice.count():
        page.locator(".mantine-Notification-closeButton").first.click()
        page.wait_for_timeout(500)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / "viewer.png")


@pytest.mark.learning
@pytest.mark.alone
def test_the_page_shows_the_markers_and_steers_the_run(page, launch, listener, observe):
    empty = empty_scene(page)
    status, port = [], free_port()
    listener.create_subscription(msg.SimStatus, "sim_status", status.append, qos.latched())
    launch("mode:=realtime", "record:=false", "viewer:=true", f"viewer_port:={port}")
    opened(page, port)
    page.get_by_text("running").wait_for()
    end = time.monotonic() + WAIT / 1000
    while changed_share(page, empty) < 0.2 and time.monotonic() < end:
        page.wait_for_timeout(500)
    assert changed_share(page, empty) > 0.2
    listener.spin_until(lambda: observe and observe[-1].step > 120, timeout=60)
    keep_picture(page)
    episode = observe[-1].episode
    page.get_by_role("button", name="Reset", exact=True).click()
    listener.spin_until(lambda: observe[-1].episode == episode + 1, timeout=60)

    page.get_by_role("button", name="Set goal", exact=True).click()
    # The viewer gives way to everything else, on a busy machine for long.
    page.get_by_text("goal (8.0, 0.0) m sent").wait_for()
    listener.spin_until(lambda: observe[-1].desired_goal.tolist() == [8.0, 0.0])
    page.get_by_label("Set goal by clicking the floor").check()
    for _ in range(30):  # the browser has yet to hear that clicks count now
        page.mouse.click(450, 450, delay=50)
        listener.spin_for(1.0)
        if observe[-1].desired_goal.tolist() != [8.0, 0.0]:
            break
    x, y = observe[-1].desired_goal.tolist()
    assert (x, y) != (8.0, 0.0)
    assert -12 < x < 28
    assert -12 < y < 28

    page.get_by_role("button", name="Pause", exact=True).click()
    listener.spin_until(lambda: status[-1].paused)
    page.get_by_text("paused", exact=True).first.wait_for()
    reached = status[-1].reached_step
    page.get_by_role("button", name="Step", exact=True).click()
    listener.spin_until(lambda: status[-1].reached_step == reached + 1)
    page.get_by_role("button", name="Set real-time factor", exact=True).click()
    page.get_by_text("real-time factor 1", exact=True).first.wait_for()
    assert page.evaluate(CONNECT % viser.__version__, port) == "open"
    assert page.errors == []

    page.goto("data:text/html,<title>a stranger's page</title>")
    assert page.evaluate(CONNECT % viser.__version__, port) == "refused"


def test_the_page_lights_the_path_of_a_tree_down_to_its_leaf(page, launch):
    port = free_port()
    words = ("policy:=tree_lane_drive", "mode:=realtime", "record:=false", "viewer:=true", f"viewer_port:={port}")
    launch(*words, "episodes:=0", file="policy.launch.py")
    opened(page, port)
    lit = page.locator('div[style*="bold"]')
    lit.nth(2).wait_for()
    names = lit.all_inner_texts()
    assert names[:1] == ["Nav"]
    assert {*names} & {"StayInLane", "ChangeLeft", "ChangeRight", "TurnLeft", "TurnRight"}
    assert page.get_by_text("Goal x, y [m]").count() == 0, "the task has no goal"
