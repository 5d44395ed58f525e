"""What axe-core finds in a page that keeps people from using it."""

import importlib.resources

from playwright.sync_api import Page

_SCRIPT = importlib.resources.files("axe_playwright_python") / "axe.min.js"
_RUN = """async selector => {
  const {violations} = await axe.run(selector, {resultTypes: ['violations']});
  return violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
    .flatMap(({id, impact, nodes}) => nodes.map(({target, any, all, none}) =>
      `${id} (${impact}) at ${target}: `
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
