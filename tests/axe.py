"""What axe-core finds in a page that keeps people from using it."""

import importlib.resources

from playwright.sync_api import Page

_SCRIPT = importlib.resources.files("axe_playwright_python") / "axe.min.js"
# JupyterLab's body has no height and hides what overflows it: to axe-core nothing in it
# is visible, and so no colour is looked at.
_RUN = """async selector => {
  document.body.style.minHeight = '100vh';
  const {violations} = await axe.run(selector, {resultTypes: ['violations']});
  document.body.style.minHeight = '';
  return violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
    .flatMap(({id, impact, nodes}) => nodes.map(({html, any, all, none}) =>
      `${id} (${impact}) in ${html.slice(0, 120)}: `
      + [...any, ...all, ...none].map(({message}) => message).join('; ')));
}"""


def violations(page: Page, selector: str) -> list[str]:
    """Return the serious and critical violations in all that *selector* finds.

    Each is a line that names the rule, the element and what is wrong with it.

    Raises:
        playwright.sync_api.Error: *selector* finds nothing.
    """
    if not page.evaluate("() => !!window.axe"):
        page.evaluate(_SCRIPT.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(_RUN, selector)
    return found
