"""Prefect's pages of small runs, opened in Chromium: names, tags, log, artifacts; text of sources is text."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser.conftest import SCRIPT, hostile_corpus
from tests.browser.pages import TIMEOUT_MS, Pages, open_browser
from tests.browser.prefect_server import PrefectServer, prefect_server
from tests.patience import wait_for

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("prefect-pages")]
BAD = "bad [x](javascript:1) <b>bold<b> `code`.jsonl"  # a name of a file, shown where its records are bad


@dataclass(frozen=True)
class Shown:
    """The server, a browser, and Playwright's assertions."""

    server: PrefectServer
    pages: Pages
    expect: object


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Iterator[Shown]:
    """Ingest, train and tag, as commands do where a Prefect server answers."""
    if shutil.which("chromium") is None:
        pytest.skip("there is no chromium: install Debian's package chromium")
    pytest.importorskip("playwright", reason="playwright is not installed: make env")
    from playwright.sync_api import expect

    expect.set_options(timeout=TIMEOUT_MS)
    folder = tmp_path_factory.mktemp("prefect")
    letters, bad, out = hostile_corpus(folder / "hostile"), folder / BAD, folder / "tagged"
    lines = ({"id": "a", "text": SCRIPT, "spans": [{"start": 0, "end": 999, "label": "X"}]}, [SCRIPT])
    bad.write_text("".join(json.dumps(line) + "\n" for line in lines))
    commands = [
        ["ingest", str(letters), "--name", "letters"],
        ["train", "letters", "--preset", "fast", "--epochs", "2", "--register", "letters"],
        ["tag", "models:/letters/1", str(letters), str(bad), "--out", str(out), "--workers", "0"],
    ]
    with prefect_server(folder) as server:
        server.run(commands, folder / "home")
        wait_for(lambda: {run["state_type"] for run in server.runs().values()} == {"COMPLETED"})
        with open_browser() as pages:
            yield Shown(server, pages, expect)


def page_of(shown, run, key):
    """The page of an artifact."""
    return shown.pages.open(f"{shown.server.url}/artifacts/artifact/{shown.server.artifacts(run)[key]['id']}")


def test_runs_are_named_for_what_they_do_and_have_tags(shown):
    tags = {name: set(run["tags"]) for name, run in shown.server.runs().items()}
    assert tags == {
        "ingest letters": {"elman", "ingest"},
        "train letters": {"elman", "train"},
        "tag tagged": {"elman", "tag"},
    }
    page = shown.pages.open(f"{shown.server.url}/runs")
    for name in tags:
        shown.expect(page.get_by_text(name, exact=True).first).to_be_visible()


def test_the_page_of_a_run_has_its_steps_and_a_log_to_follow(shown):
    run = shown.server.runs()["tag tagged"]
    page = shown.pages.open(f"{shown.server.url}/runs/flow-run/{run['id']}?tab=Logs")
    shown.expect(page.get_by_text("4 of 4 shards, 0 reused").first).to_be_visible()
    shown.expect(page.get_by_text("quarantined: bad").first).to_be_visible()
    page = shown.pages.open(f"{shown.server.url}/runs/flow-run/{run['id']}?tab=Task%20Runs")
    shown.expect(page.get_by_text("find the model models:/letters/1").first).to_be_visible()


def test_scores_shards_and_quarantine_are_tables(shown):
    page = page_of(shown, "train letters", "scores")
    shown.expect(page.get_by_role("cell", name="test: all")).to_be_visible()
    page = page_of(shown, "tag tagged", "shards")
    row = page.get_by_role("row").filter(has=page.get_by_text("tagged", exact=True))
    shown.expect(row.get_by_role("cell").nth(1)).to_have_text("4")
    page = page_of(shown, "tag tagged", "quarantine")
    shown.expect(page.get_by_text("span-outside", exact=True)).to_be_visible()


def test_long_work_shows_how_far_it_is(shown):
    for run, key in (("train letters", "progress-training"), ("tag tagged", "progress-tagging")):
        shown.expect(page_of(shown, run, key).get_by_text("Progress: 100%")).to_be_visible()


def test_the_run_in_mlflow_is_a_link(shown):
    page = page_of(shown, "train letters", "mlflow-run")
    link = page.get_by_role("link", name="letters fast s0")
    assert "/#/experiments/" in link.get_attribute("href")


def test_text_of_sources_is_text(shown):
    for key in ("quarantined", "scores"):
        run = "train letters" if key == "scores" else "tag tagged"
        page = page_of(shown, run, key)
        wanted = BAD if key == "quarantined" else "test: <b>PER</b>2"
        shown.expect(page.get_by_text(wanted).first).to_be_visible()
        assert page.locator("a[href^='javascript'], a[href*='evil'], [onerror]").count() == 0
        assert page.evaluate("window.attacked") is None
    assert shown.pages.foreign == []
