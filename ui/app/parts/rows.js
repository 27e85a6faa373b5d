// A table that Python has written (tables.py), every cell as text, of which a row is chosen. The keyboard stops at it
// once, arrows lead from row to row. `view` says what it is a table of: a mark holds back no other.

function drawn(box, rows, ids) {
  const focused = box.contains(document.activeElement) && document.activeElement.dataset.id;
  box.innerHTML = rows;
  const all = [...box.querySelectorAll("tbody tr")].filter((one, at) => (one.dataset.id = ids[at]));
  for (const one of all) {
    one.classList.add("one");
    one.tabIndex = -1;
  }
  const again = all.find((one) => one.dataset.id === focused);
  if (all[0]) (again ?? all[0]).tabIndex = 0;
  again?.focus({ preventScroll: true });
}

function step(box, from, key) {
  const all = [...box.querySelectorAll(".one")];
  const at = all.indexOf(from);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[key] % all.length;
  from.tabIndex = -1;
  all[to].tabIndex = 0;
  all[to].focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [rows, ids, view] = data;
  const box = parentElement.querySelector(".rows");
  const said = JSON.stringify(data);
  const marked = () => !getSelection().isCollapsed && box.contains(getSelection().anchorNode);
  const show = () => {
    if (box.said === said) return;
    drawn(box, rows, ids);
    if (box.view !== view) box.scrollTop = 0;
    [box.said, box.view] = [said, view];
  };
  const unmarked = () => marked() || show();
  if (box.view !== view || !marked()) show(); // else as soon as nothing in it is marked
  box.released?.();
  box.released = () => document.removeEventListener("selectionchange", unmarked);
  document.addEventListener("selectionchange", unmarked);

  const chosen = (row) => row && !marked() && setTriggerValue("chosen", row.dataset.id);
  box.onclick = (event) => chosen(event.target.closest(".one"));
  box.onkeydown = (event) => {
    const row = event.target.closest(".one");
    if (event.key === "Enter" || event.key === " ") chosen(row);
    else if (row && ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) step(box, row, event.key);
    else return;
    event.preventDefault();
  };
  return box.released;
}
