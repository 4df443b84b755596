"""Our HTML pages in a browser: text is text, nothing is fetched, light and dark can be read, none is wide."""

from pathlib import Path

import pytest

from tests.browser.conftest import HANDLER, HOSTILE_TYPE, IMAGE, SCRIPT

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("browser")]

# Contrast of every text with what is behind it, as WCAG 2.2 defines it; the lowest with its text.
LOWEST_CONTRAST = """() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number)
  const over = (top, below) => below.map((c, i) => c + (top[i] - c) * (top[3] ?? 1))
  const light = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]
  const behind = element => {
    const below = element.parentElement ? behind(element.parentElement) : canvas
    return over(parts(getComputedStyle(element).backgroundColor), below)
  }
  let lowest = [99, '']
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join(' ').trim()
    if (!own) continue
    const below = behind(element)
    const [a, b] = [light(over(parts(getComputedStyle(element).color), below)), light(below)]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < lowest[0]) lowest = [ratio, own.slice(0, 60)]
  }
  return lowest
}"""


def page_of(ui, name: str) -> Path:
    runs = ui.runs
    return {
        "check": runs.check,
        "evaluation of hostile text": runs.hostile.artifacts / "evaluation_test" / "report.html",
        "evaluation of text": runs.fast.artifacts / "evaluation_test" / "report.html",
        "evaluation of genes": runs.genes.artifacts / "evaluation_test" / "report.html",
    }[name]


PAGES = ("check", "evaluation of hostile text", "evaluation of text", "evaluation of genes")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_and_self_contained(ui, browser, name):
    page = browser.open(page_of(ui, name).as_uri())
    assert page.locator("h1").count() == 1
    assert browser.console == []
    assert browser.foreign == []
    pictures = page.locator("img").evaluate_all("all => all.map(one => [one.naturalWidth > 0, one.alt])")
    assert all(shown and alt for shown, alt in pictures)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        ratio, text = page.evaluate(LOWEST_CONTRAST)
        assert ratio >= 4.5, (scheme, text)
    size = page.viewport_size
    for width in (1600, 1024, 500):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(size)


@pytest.mark.parametrize("name", ["check", "evaluation of hostile text"])
def test_text_of_a_corpus_is_text_in_a_page(ui, browser, name):
    page = browser.open(page_of(ui, name).as_uri())
    assert page.evaluate("window.attacked") is None
    assert page.locator("script").count() == 0
    assert page.locator("img:not([src^='data:image/png;base64,'])").count() == 0
    shown = page.inner_text("body")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert HOSTILE_TYPE in shown
    if name != "check":
        for attack in (SCRIPT, IMAGE, HANDLER, "```mermaid", "\\x1b[31mred"):
            assert attack in shown
