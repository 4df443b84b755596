"""MLflow's pages of small runs, opened in Chromium, show what the runs' own files hold."""

import json
import struct
from urllib.parse import quote

import polars as pl
import pytest

from tests.browser.conftest import HOSTILE_TYPE, MODE, SCRIPT

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


def test_the_runs_table_shows_dev_and_test_f1(ui, opened, expect):
    page = opened(f"{ui.url}/#/experiments/{ui.experiments['elman']}/runs?{MODE}&viewStateShareKey=scores")
    for record in (ui.runs.fast, ui.runs.other):
        link = page.get_by_role("link", name=record.info.name, exact=True)
        row_id = link.locator("xpath=ancestor::*[@row-id]").get_attribute("row-id")
        row = page.locator(f"[row-id='{row_id}']")
        for split in ("dev", "test"):
            metric = row.locator(f"[col-id='metrics.`{split}_f1`']")
            expect(metric).to_have_text(shown(scores(record)[split]["f1"]))
    assert page.get_by_text("Model training").count()


def test_a_run_s_page_shows_its_metrics_and_parameters(ui, opened, expect):
    record = ui.runs.fast
    page = opened(ui.run(record))
    expect(page.get_by_role("heading", name=record.info.name)).to_be_visible()
    of_test = scores(record)["test"]
    person = of_test["per_type"]["PERSON"]
    wanted = {
        "test_f1": of_test["f1"],
        "test_precision": of_test["precision"],
        "test_recall/PERSON": person["recall"],
    }
    for name, value in wanted.items():
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(shown(value))
    for name in ("preset", "fit.epochs", "network.hidden"):
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text(record.info.params[name])
    expect(page.get_by_text(record.id).first).to_be_attached()


def test_the_charts_draw_the_points_of_the_runs(ui, opened, expect):
    runs = f"{ui.url}/#/experiments/{ui.experiments['elman']}/runs"
    page = opened(f"{runs}?{MODE}&compareRunsMode=CHART")
    page.get_by_placeholder("Search metric charts").fill("dev_f1_by_epoch")
    expect(page.get_by_text("dev_f1_by_epoch", exact=True).first).to_be_visible()
    lines = """Array.from(document.querySelectorAll('.js-plotly-plot')).flatMap(plot => plot.data)
        .map(line => Array.from(line.y ?? [])).filter(values => values.length > 1)"""
    page.wait_for_function(f"() => {lines}.length >= 2")
    drawn = page.evaluate(lines)
    for record in (ui.runs.fast, ui.runs.other):
        points = [value for name, value, _, _ in record.rows() if name == "dev_f1_by_epoch"]
        assert len(points) > 1
        assert points in drawn


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


def test_the_card_of_the_registered_model_tells_its_scores(ui, opened, expect):
    person = scores(ui.runs.fast)["test"]["per_type"]["PERSON"]
    cells = [f"{100 * person[rate]:.1f}" for rate in ("precision", "recall", "f1")]
    for place in ("names", "names/versions/1"):
        page = opened(f"{ui.url}/#/models/{place}?{MODE}")
        row = page.get_by_role("row").filter(has_text="test: PERSON").get_by_role("cell")
        expect(row.nth(0)).to_have_text("test: PERSON")
        for number, text in enumerate(cells, 1):
            expect(row.nth(number)).to_contain_text(text)
        expect(row.last).to_have_text(str(person["support"]))


def test_the_page_of_the_logged_model_is_a_table_of_scores_by_data_set(ui, opened, expect):
    record = ui.runs.fast
    (model,) = ui.ask("runs/get", run_id=record.info.mlflow_run_id)["run"]["outputs"]["model_outputs"]
    page = opened(f"{ui.url}/#/experiments/{ui.experiments['elman']}/models/{model['model_id']}?{MODE}")
    of_letters = scores(ui.runs.evaluation)["test"]["f1"]
    wanted = {
        ("dev_f1", "english dev"): scores(record)["dev"]["f1"],
        ("test_f1", "english test"): scores(record)["test"]["f1"],
        ("test_f1/PERSON", "english test"): scores(record)["test"]["per_type"]["PERSON"]["f1"],
        ("test_f1", "letters test"): of_letters,
    }
    for (metric, data), value in wanted.items():
        rows = page.get_by_role("row").filter(has=page.get_by_text(metric, exact=True))
        expect(rows.filter(has_text=data)).to_contain_text(shown(value))


def test_mistakes_are_a_table_among_the_artifacts(ui, opened, expect):
    record = ui.runs.fast
    mistakes = pl.read_parquet(record.artifacts / "evaluation_test" / "mistakes.parquet")
    page = opened(ui.run(record, "/artifacts/evaluation_test/mistakes.json"))
    for column in ("rank", "outcome", "probability"):
        expect(page.get_by_text(column, exact=True).first).to_be_visible()
    first = mistakes.row(0, named=True)
    expect(page.get_by_text(first["document"]).first).to_be_visible()


def test_hostile_text_is_text_on_every_page(ui, opened, expect):
    record = ui.runs.hostile
    version = f"{ui.url}/#/models/letters/versions/1?{MODE}"
    card = f"{ui.url}/#/models/letters?{MODE}"
    for address in (ui.run(record), version, card, ui.run(ui.runs.evaluation)):
        page = opened(address)
        expect(page.locator("#root")).to_contain_text(f"{HOSTILE_TYPE}2")
        markup_is_text(page)
    page = opened(ui.run(record, "/artifacts/evaluation_test/mistakes.json"))
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    markup_is_text(page)
    page = opened(ui.run(record, "/artifacts/evaluation_test/report.html"))
    report = page.frame_locator("iframe.mlflow-html-iframe")
    expect(report.locator("table.words").last).to_contain_text(SCRIPT)
    for frame in page.frames:
        assert frame.evaluate("window.attacked") is None
    markup_is_text(page)


def markup_is_text(page):
    """No element of the page comes from a corpus: no link, picture, diagram or script of its text."""
    assert page.locator("[src*='evil.example'], [onerror]").count() == 0
    assert page.locator("a[href*='evil'], a[href^='mailto:']").count() == 0
    assert page.locator("b, strong").get_by_text("PER", exact=True).count() == 0
    assert page.locator(".mermaid, svg[id^='mermaid'], [aria-roledescription]").count() == 0
    scripts = page.locator("script:not([src])").all_inner_texts()
    assert [text for text in scripts if "attacked" in text] == []
    assert page.evaluate("window.attacked") is None
