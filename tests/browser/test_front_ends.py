"""The front ends as the tests drive them, with a widget of a few lines in each."""

from front_ends import in_both
from lab_driver import Lab

WIDGET = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    """Counts clicks in the kernel."""

    _esm = """export default {render({model, el}) {
      const button = document.createElement("button");
      const show = () => { button.textContent = `Clicked ${model.get("clicks")}`; };
      button.onclick = () => model.send("click");
      model.on("change:clicks", show);
      show();
      el.append(button);
    }}"""
    clicks = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter.on_msg(lambda *_: setattr(counter, "clicks", counter.clicks + 1))
counter
'''


@in_both
def test_a_widget(front_end: Lab) -> None:
    """A click reaches the kernel; the widget is there again after a reload."""
    notebook = front_end.notebook("widget", WIDGET, "counter.clicks")
    notebook.run_cell(0)
    notebook.output(0).get_by_role("button", name="Clicked 0").click()
    notebook.output(0).get_by_role("button", name="Clicked 1").wait_for()
    notebook.reload()
    notebook.output(0).get_by_role("button", name="Clicked 1").click()
    notebook.output(0).get_by_role("button", name="Clicked 2").wait_for()
    notebook.run_cell(1)

    assert "2" == notebook.output(1).inner_text()
    assert [] == front_end.strays

    notebook.close()
