"""A game day of three steps, played through by two people in real browsers on the fake world."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from chaoskit.ports import NodeState
from chaoskit.world.fake import FakeWorld
from tests.console.chromium import chromium
from tests.console.playing import Day, logged, person, press, state
from tests.gameday.desk import GAMEDAY, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SCRIPT = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
EXPERIMENT = """\
experiment: web-loss
hypothesis: One web server is enough
load: {locustfile: load.py, rate: 300/s}
steady_state: [success >= 99%, p95 < 300ms]
phases: {baseline: 3s, fault: 5m, recovery: {within: 20s}}
faults:
  - kill: {node: web1}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def day(tmp_path: Path) -> Day:
    title = f"title: 'The cache goes away {SCRIPT}'"
    write(tmp_path, GAMEDAY.replace("title: The cache goes away", title))
    (tmp_path / "web-loss.yaml").write_text(EXPERIMENT)
    return Day(tmp_path)


def test_three_steps_with_a_crash_and_a_halt(browser: Browser, day: Day) -> None:
    with ExitStack() as people:
        with day.running() as address:
            ada = people.enter_context(person(browser, address, "Ada"))
            grace = people.enter_context(person(browser, address, "Grace"))
            decide(ada, grace)
            hold(ada, grace)
            before = day.entries()
        for page in (ada, grace):
            expect(page.get_by_role("alert")).to_contain_text("Connection lost")
        with day.running() as again:
            assert again == address
            assert day.entries()[: len(before)] == before
            come_back(ada, grace)
            halt_an_experiment(ada, grace)
            day.call("halt", "--lift")
            talk(ada, grace)
    check_log(day)
    check_report(day)


# The parts of the day, in order -----------------------------------------------------------


def decide(ada: Page, grace: Page) -> None:
    press(grace, "Go")
    expect(grace.get_by_role("alert").filter(has_text="Is support told?")).to_be_visible()
    press(ada, "Yes to: Is support told?")
    for page in (ada, grace):
        expect(page.locator("#questions li").first.locator(".word")).to_have_text("✓ yes")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"The cache goes away {SCRIPT}")
    press(grace, "Go")
    state("Next is step 1 of 3", ada, grace)


def hold(ada: Page, grace: Page) -> None:
    ada.get_by_label("Your prediction").fill(f"Pages slow down {SCRIPT}")
    press(ada, "Write down prediction")
    logged(f"Pages slow down {SCRIPT}", ada, grace)
    press(grace, "Begin step")
    state("Step 1 of 3 is under way", ada, grace)
    for page in (ada, grace):
        expect(page.locator("#injected")).to_contain_text("kill on cache1")
        expect(page.locator("#injected .left")).to_contain_text("min")
    press(ada, "I have seen it")
    expect(grace.locator("#told")).to_contain_text("seen by Ada")
    press(ada, "I have mitigated it")
    grace.get_by_label("Text").fill(f"Two calls so far {SCRIPT}")
    press(grace, "Add to the log")
    logged(f"Two calls so far {SCRIPT}", ada, grace)
    ada.get_by_label("Text").fill("I was typing this")
    expect(ada.locator("main img, main script")).to_have_count(0)


def come_back(ada: Page, grace: Page) -> None:
    state("Next is step 2 of 3", ada, grace)
    for page in (ada, grace):
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator("#injected")).to_have_text("Nothing is injected.")
    logged(f"Two calls so far {SCRIPT}", ada, grace)
    press(ada, "Add to the log")  # what was typed before the crash is still there
    logged("I was typing this", ada, grace)


def halt_an_experiment(ada: Page, grace: Page) -> None:
    press(grace, "Begin step")
    for page in (ada, grace):
        expect(page.locator("#injected")).to_contain_text("kill on web1", timeout=20_000)
        expect(page.locator("#series")).to_contain_text("✓ held")
        expect(page.get_by_role("img", name="Success, now 100 %")).to_be_visible()
    ada.reload()
    ada.keyboard.press("Tab")
    expect(ada.get_by_role("button", name="HALT")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.locator("#halt-told")).to_contain_text("Halt has arrived")
    state("HALTED", ada, grace)
    for page in (ada, grace):
        expect(page.locator("#injected")).to_have_text("Nothing is injected.", timeout=60_000)
    logged("halted", ada, grace)
    press(grace, "End step")


def talk(ada: Page, grace: Page) -> None:
    press(grace, "Go")
    state("Next is step 3 of 3", ada, grace)
    press(grace, "Begin step")
    state("Step 3 of 3 is under way", ada, grace)
    press(grace, "End step")
    ada.get_by_role("radio", name="finding").check()
    ada.get_by_label("Text").fill("No alert came")
    press(ada, "Add to the log")
    ada.get_by_role("radio", name="action item").check()
    ada.get_by_label("Text").fill("Write the alert")
    ada.get_by_label("Owner").select_option("Linus")
    ada.get_by_label("Due").fill("2026-12-24")
    press(ada, "Add to the log")
    expect(grace.locator("#actions")).to_contain_text("Write the alert")
    press(grace, "Close the day")
    state("The day is over", ada, grace)


def check_log(day: Day) -> None:
    """Each word is there once, under its name and with its time; nothing is left in force."""
    expected = {
        "prediction": ("Ada", "1", f"Pages slow down {SCRIPT}"),
        "seen": ("Ada", "1", ""),
        "mitigated": ("Ada", "1", ""),
        "halt": ("Ada", "", "pressed halt in the console"),
        "finding": ("Ada", "", "No alert came"),
        "action": ("Ada", "", "Write the alert"),
        "closed": ("Grace", "", ""),
    }
    for kind, told in expected.items():
        entry = day.entry(kind)
        assert (entry.person, entry.step, entry.text) == told
        assert entry.at
    assert day.entry("action").owner == "Linus"
    assert [e.text for e in day.entries() if e.kind == "note"] == [
        f"Two calls so far {SCRIPT}",
        "I was typing this",
    ]
    world = FakeWorld.on_disk(day.folder / "world.json")
    assert {node.facts().state for node in world.nodes().values()} == {NodeState.RUNNING}


def check_report(day: Day) -> None:
    """The pages have everything that was said, with its time, and text as text."""
    day.call("gameday", "report", str(day.file))
    html = (day.folder / "gameday.report.html").read_text()
    markdown = (day.folder / "gameday.report.md").read_text().splitlines()
    said = {
        "go": "GO",
        "prediction": "Pages slow down",
        "injected": "in force",
        "seen": "has seen it",
        "mitigated": "has acted",
        "note": "Two calls so far",
        "halt": "HALTS",
        "finding": "No alert came",
        "action": "Write the alert",
    }
    for kind, words in said.items():
        entry = next(entry for entry in day.entries() if entry.kind == kind)
        row = f"| {entry.n} | {entry.at[11:21]} | {entry.person} |"
        assert any(line.startswith(row) and words in line for line in markdown), row
        assert entry.at[11:21] in html
    assert "<script>" not in html
    assert "<img src=x" not in html


# What else must hold of the page ----------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 390])
def test_the_halt_is_always_in_sight_and_first_in_line(
    browser: Browser, day: Day, width: int
) -> None:
    with day.running() as address, person(browser, address, "Ada") as page:
        page.set_viewport_size({"width": width, "height": 700})
        halt = page.get_by_role("button", name="HALT")
        for place in ("top", "bottom"):
            page.evaluate(f"scrollTo(0, '{place}' == 'top' ? 0 : document.body.scrollHeight)")
            expect(halt).to_be_in_viewport(ratio=1)
        box = halt.bounding_box()
        assert box is not None
        assert box["height"] >= 60
        assert box["width"] >= 200
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "the page can be scrolled sideways"
        page.get_by_label("Text").focus()
        page.keyboard.press("Alt+h")
        state("HALTED", page)
    assert day.entry("halt").person == "Ada"


def test_a_halt_needs_no_name_and_tries_again_until_it_has_arrived(
    browser: Browser, day: Day
) -> None:
    with day.running() as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        state("Opening", page)
    press(page, "HALT")
    expect(page.locator("#halt-told")).to_contain_text("THE HALT HAS NOT ARRIVED")
    with day.running():
        expect(page.locator("#halt-told")).to_contain_text("Halt has arrived", timeout=30_000)
        state("HALTED", page)
        context.close()
    assert day.entry("halt").person == "somebody"


def test_a_halt_that_is_never_answered_is_tried_again(browser: Browser, day: Day) -> None:
    """A stopped process refuses nothing and says nothing, like a network that is silently gone."""
    with day.running() as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        state("Opening", page)
        os.kill(day.pid, signal.SIGSTOP)
        press(page, "HALT")
        told = page.locator("#halt-told")
        expect(told).to_contain_text("THE HALT HAS NOT ARRIVED", timeout=20_000)
        os.kill(day.pid, signal.SIGCONT)
        expect(told).to_contain_text("Halt has arrived", timeout=30_000)
        state("HALTED", page)
        context.close()
    # What was sent before counts as well, once it is read.
    assert {e.person for e in day.entries() if e.kind == "halt"} == {"somebody"}


def test_a_stranger_sees_nothing_and_the_token_leaves_the_address(
    browser: Browser, day: Day
) -> None:
    with day.running() as address, person(browser, address, "Ada") as ada:
        assert "token" not in ada.url
        ada.reload()
        expect(ada.get_by_label("You are")).to_have_value("Ada")
        stranger = browser.new_context().new_page()
        answer = stranger.goto(ada.url)
        assert answer is not None
        assert answer.status == 401
        assert "The cache goes away" not in stranger.content()
        stranger.context.close()
