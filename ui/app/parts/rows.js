// A table that Python has written (tables.py), every cell as text, of which a row is chosen. The keyboard stops at it
// once, arrows lead from row to row.

function drawn(box, [rows, ids]) {
  const focused = box.contains(document.activeElement) && document.activeElement.dataset.id;
  box.innerHTML = rows;
  const all = [...box.querySelectorAll("tbody tr")].filter((one, at) => (one.dataset.id = ids[at]));
  for (const one of all) {
    one.classList.add("one");
    one.tabIndex = -1;
  }
  if (all[0]) all[0].tabIndex = 0;
  all.find((one) => one.dataset.id === focused)?.focus({ preventScroll: true });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".rows");
  const marked = () => !getSelection().isCollapsed && box.contains(getSelection().anchorNode);
  const said = JSON.stringify(data);
  if (box.said !== said && !marked()) { // else it stays as it is until it is drawn the next time
    drawn(box, data);
    box.said = said;
  }
  const chosen = (event) => {
    const row = event.target.closest(".one");
    if (row && !marked()) setTriggerValue("chosen", row.dataset.id);
  };
  box.onclick = chosen;
  box.onkeydown = (event) => {
    const all = [...box.querySelectorAll(".one")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") chosen(event);
    else if (step) all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
    else return;
    event.preventDefault();
  };
}
