"""Pages in a real browser: they work, ask for nothing, and run nothing that was read.

Skipped where there is no chromium with its driver, or no selenium.
"""

import json
import shutil
import time

import pandas as pd
import pytest
import reports

from xlkb.report import pages

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
OPTIONS = "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-component-update "
OPTIONS += "disable-background-networking disable-sync disable-dev-shm-usage window-size=1200,900"
SECONDS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium with its driver"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless chromium that records what it asks for."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for each in [*OPTIONS.split(), f"user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(f"--{each}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield made
    made.quit()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The address of the demo's report."""
    return reports.demo(tmp_path_factory.mktemp("demo")).as_uri()


@pytest.fixture
def opened(browser):
    """Opens a page; afterwards nothing was complained of, and nothing asked for."""
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)

    def get(address, width=1200):
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get(address)
        return browser

    yield get
    assert browser.get_log("browser") == []
    messages = [json.loads(each["message"])["message"] for each in browser.get_log("performance")]
    sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    asked = {each["request"]["url"].partition(":")[0] for each in sent}
    assert asked <= {"file", "data", "about"}
    assert "file" in asked


def until(browser, script):
    """Wait for what a script returns to be true; returns it."""
    end = time.monotonic() + SECONDS
    while not (found := browser.execute_script(f"return {script}")):
        assert time.monotonic() < end, script
        time.sleep(0.05)
    return found


def one(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def shown(browser):
    """The parts of the report that are seen."""
    found = browser.find_elements(By.CSS_SELECTOR, ".view")
    return [each.get_attribute("id") for each in found if each.is_displayed()]


def test_one_part_is_shown_by_its_address(opened, demo):
    browser = opened(demo)
    assert shown(browser) == ["overview"]
    one(browser, ".views a[href='#02']").click()
    until(browser, "!document.getElementById('02').hidden")
    assert shown(browser) == ["02"]
    assert one(browser, ".views [aria-current]").text == "02"
    browser.get(f"{demo}#table02c_barrier")
    until(browser, "document.getElementById('table02c_barrier').open")
    assert shown(browser) == ["tables"]
    broken = "[...document.images].filter(i => !i.src.startsWith('data:')).length"
    assert browser.execute_script(f"return {broken}") == 0


def test_an_address_that_was_cut_shows_the_overview(opened, demo):
    assert shown(opened(f"{demo}#%")) == ["overview"]


def test_tables_are_printed_that_are_open_and_else_all(opened, demo):
    browser = opened(f"{demo}#tables")
    count = "document.querySelectorAll('#tables details[open]').length"
    printed = f"(dispatchEvent(new Event('beforeprint')), {count})"
    after = f"(dispatchEvent(new Event('afterprint')), {count})"
    every = browser.execute_script("return document.querySelectorAll('#tables details').length")
    assert browser.execute_script(f"return [{printed}, {after}]") == [every, 0]
    one(browser, "#table02c_barrier summary").click()
    assert browser.execute_script(f"return [{printed}, {after}]") == [1, 1]


PRESSES = {
    "mouse": lambda element: element.click(),
    "enter": lambda element: element.send_keys(Keys.ENTER),
    "space": lambda element: element.send_keys(" "),
}


@pytest.mark.parametrize("press", PRESSES.values(), ids=PRESSES)
def test_a_table_is_sorted_by_a_heading_with_mouse_and_keys(opened, tmp_path, press):
    frame = pd.DataFrame({"language": ["a", "b", "c"], "accuracy": [0.095, 0.5, 0.2]})
    made = pages.write(tmp_path, "card", "A", [pages.Section("B", table=frame)], {})
    browser = opened(made["html"].as_uri())
    order = "[...document.querySelectorAll('tbody tr')].map(r => r.cells[0].textContent).join('')"
    heading = one(browser, "th:nth-child(2)")
    press(heading)
    until(browser, f"{order} === 'acb'")
    assert heading.get_attribute("aria-sort") == "ascending"
    press(heading)
    until(browser, f"{order} === 'bca'")


def test_a_long_table_is_narrowed_to_rows_that_hold_a_text(opened, tmp_path):
    frame = pd.DataFrame({"language": [f"l{i}" for i in range(30)]})
    made = pages.write(tmp_path, "card", "A", [pages.Section("B", table=frame)], {})
    browser = opened(made["html"].as_uri())
    one(browser, "input.filter").send_keys("L12")
    until(browser, "document.querySelectorAll('tbody tr:not([hidden])').length === 1")


def test_the_explorer_is_filtered(opened, demo):
    browser = opened(f"{demo}#explorer")
    count = "Number(document.getElementById('count').textContent.split(' ')[0].replace(',', ''))"
    every = until(browser, count)
    Select(one(browser, "#f-language")).select_by_value("ar")
    until(browser, f"{count} === 6")
    question = one(browser, ".context bdi")
    assert (question.get_attribute("lang"), question.get_attribute("dir")) == ("ar", "rtl")
    assert question.value_of_css_property("direction") == "rtl"
    assert one(browser, "#list .chip").text == "ar"
    Select(one(browser, "#f-language")).select_by_value("")
    until(browser, f"{count} === {every}")
    Select(one(browser, "#f-answer")).select_by_value("differ")
    until(browser, f"{count} < {every}")
    marks = browser.find_elements(By.CSS_SELECTOR, "#list li:first-child .marks span")
    assert {each.text for each in marks} == {"✓", "✗"}
    Select(one(browser, "#f-answer")).select_by_value("")
    one(browser, "#f-text").send_keys("capital this HUNGARY")
    until(browser, f"{count} < 20")
    assert one(browser, "#list .words").text == "What is the capital of this country: Hungary?"
    one(browser, "#f-text").send_keys(" no such thing")
    until(browser, "document.getElementById('count').textContent === 'No question is like this.'")


def test_the_explorer_goes_by_keys(opened, demo):
    browser = opened(f"{demo}#explorer")
    one(browser, "body").send_keys("/")
    until(browser, "document.activeElement.id === 'f-text'")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    until(browser, "document.activeElement.id === 'list'")
    chosen = "document.getElementById('list').getAttribute('aria-activedescendant')"
    for keys, name in ((Keys.ARROW_DOWN * 3, "q3"), (Keys.ARROW_UP, "q2"), (Keys.HOME, "q0")):
        one(browser, "#list").send_keys(keys)
        assert browser.execute_script(f"return {chosen}") == name
    one(browser, "#list").send_keys(Keys.END)
    last = browser.execute_script("return document.querySelectorAll('#list li').length") - 1
    assert browser.execute_script(f"return {chosen}") == f"q{last}"
    one(browser, "#list").send_keys(Keys.ENTER)
    until(browser, "document.activeElement.id === 'detail'")
    assert one(browser, "#detail").value_of_css_property("outline-style") != "none"
    one(browser, "#detail").send_keys(Keys.ESCAPE)
    until(browser, "document.activeElement.id === 'list'")


@pytest.mark.parametrize("part", ["overview", "02", "paper", "tables", "figures", "explorer"])
def test_a_phone_scrolls_up_and_down_only(opened, demo, part):
    browser = opened(f"{demo}#{part}", width=375)
    until(browser, f"!document.getElementById('{part}').hidden")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 375


def test_hostile_questions_stay_text(opened, tmp_path):
    browser = opened(f"{reports.hostile(tmp_path).as_uri()}#explorer")
    until(browser, "document.querySelector('#detail .context')")
    assert "<script>window.bad = 1</script>" in one(browser, "#detail .context").text
    assert "onerror=" in one(browser, ".choices tbody th bdi").text
    for part in ("overview", "tables"):
        browser.get(browser.current_url.partition("#")[0] + f"#{part}")
    assert browser.execute_script("return window.bad") is None
    images = "[...document.images].filter(image => !image.src.startsWith('data:')).length"
    assert browser.execute_script(f"return {images}") == 0
