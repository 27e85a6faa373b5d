// A table that Python has written (tables.py), every cell as text, of which a row is chosen. The keyboard stops at it
// once, arrows lead from row to row. `view` says what it is a table of: a mark holds back no other.

// Milliseconds after a click in which there is no other, unless it led to another view: what comes while it leads to
// another page would be told to the page that is left, and of that Streamlit leaves the browser an empty one.
const DEAF = 2000;

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
    if (box.view !== view) box.scrollTop = box.deaf = 0;
    [box.said, box.view] = [said, view];
  };
  const held = () => box.pressed || marked();
  const freed = () => held() || show();
  if (box.view !== view || !held()) show(); // else as soon as nothing in it is marked, nor the mouse pressed on it
  const released = () => setTimeout(() => freed((box.pressed = false))); // after the click that follows
  const heard = { selectionchange: freed, pointerup: released, pointercancel: released };
  box.released?.();
  box.released = () => Object.entries(heard).forEach((one) => document.removeEventListener(...one));
  Object.entries(heard).forEach((one) => document.addEventListener(...one));

  const chosen = (row) => {
    if (!row || marked() || performance.now() < box.deaf) return;
    box.deaf = performance.now() + DEAF;
    setTriggerValue("chosen", row.dataset.id);
  };
  box.onpointerdown = () => (box.pressed = true);
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
