"""MLflow's pages of small runs, opened in Chromium, show what the runs' own files hold."""

import json
import struct
from urllib.parse import quote

import polars as pl
import pytest

from tests.browser.conftest import MODE

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("browser")]

# What MLflow 3.17 itself writes to the console of every page
KNOWN = {
    # the page asks who is logged in; a server without logins does not know the address
    "error: Failed to load resource: the server responded with a status of 404 (Not Found) "
    "/ajax-api/2.0/mlflow/users/current",
    # the runs table calls its grid by names that the grid has renamed
    "warning: AG Grid: since v27.1, `getRowNodeId` is deprecated and has been replaced by `getRowId`. The "
    "difference: if getRowId() is implemented then immutable data is enabled by default.",
    "warning: AG Grid: since v27.1, `immutableData` is deprecated. With the `getRowId` callback implemented, "
    "immutable data is enabled by default so you can remove `immutableData=true`.",
    # the browser's note that a table was laid out again while it was being drawn
    "error: null ResizeObserver loop completed with undelivered notifications.",
}


def ours(complaints: list[str]) -> list[str]:
    """Complaints that are not MLflow's own, nor of the renderer that stands in for a graphics card."""
    return sorted(line for line in set(complaints) - KNOWN if not line.startswith("warning: [.WebGL-"))


@pytest.fixture
def opened(browser):
    """Open a page; at the end of the test nothing of ours is in its console, and no other host was asked."""
    complaints = []

    def open_page(address):
        complaints.extend(browser.console)
        return browser.open(address)

    yield open_page
    assert browser.page.evaluate("window.attacked") is None
    assert ours(complaints + browser.console) == []
    assert browser.foreign == []


def shown(value: float) -> str:
    """A number as JavaScript writes it."""
    return repr(float(value)).removesuffix(".0")


def scores(record) -> dict:
    return json.loads((record.artifacts / "scores.json").read_text())


def test_a_run_s_page_shows_its_metrics_and_parameters(ui, opened, expect):
    record = ui.runs.fast
    page = opened(ui.run(record))
    expect(page.get_by_role("heading", name=record.info.name)).to_be_visible()
    of_test = scores(record)["test"]
    for name, value in (("test_f1", of_test["f1"]), ("test_precision", of_test["precision"])):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(shown(value))
    for name in ("preset", "fit.epochs", "network.hidden"):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(record.info.params[name])
    expect(page.get_by_text(record.id).first).to_be_attached()


def test_pictures_are_shown_whole(ui, opened, expect):
    record = ui.runs.fast
    file = record.artifacts / "learning_curve.png"
    width, height = struct.unpack(">II", file.read_bytes()[16:24])
    page = opened(ui.run(record, f"/artifacts/{file.name}"))
    picture = page.get_by_alt_text(file.name)
    expect(picture).to_be_visible()
    size = picture.evaluate("one => one.decode().then(() => [one.naturalWidth, one.naturalHeight])")
    assert size == [width, height]


def test_the_report_is_rendered_among_the_artifacts(ui, opened, expect):
    record = ui.runs.fast
    of_test, folder = scores(record)["test"], record.artifacts / "evaluation_test"
    page = opened(ui.run(record, "/artifacts/evaluation_test/report.html"))
    report = page.frame_locator("iframe.mlflow-html-iframe")
    expect(report.locator("h1")).to_contain_text("on english, test")
    row = report.get_by_role("row").filter(has_text="PERSON").first
    person = of_test["per_type"]["PERSON"]
    expect(row.get_by_role("cell").nth(3)).to_contain_text(f"{100 * person['f1']:.1f}")
    expect(row.get_by_role("cell").nth(4)).to_have_text(str(person["support"]))
    mistakes = pl.read_parquet(folder / "mistakes.parquet")
    rows = report.locator("table.words").last.locator("tr")
    expect(rows).to_have_count(1 + min(mistakes.height, 300))
    first = mistakes.row(0, named=True)
    expect(rows.nth(1)).to_contain_text(f"{first['document']}, sentence {first['sentence']}")
    drawn = report.locator("img").evaluate_all("all => all.map(one => one.naturalWidth > 0)")
    assert drawn == [True] * len(drawn)
    assert len(drawn) >= 2


def test_two_runs_are_compared(ui, opened, expect):
    records = (ui.runs.fast, ui.runs.other)
    runs = quote(json.dumps([record.info.mlflow_run_id for record in records]))
    experiments = quote(json.dumps([ui.experiments["elman"]]))
    page = opened(f"{ui.url}/#/compare-runs?runs={runs}&experiments={experiments}&{MODE}")
    for record in records:
        expect(page.get_by_text(record.info.name, exact=True).first).to_be_visible()
    for name in ("seed", "epochs"):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        for record in records:
            expect(row).to_contain_text(record.info.params[name])
