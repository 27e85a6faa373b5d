// A graph of which Python says where everything lies (picture.py). It is part of the page: the browser scrolls it, its
// names are text and never HTML, and each node can be reached by the keyboard.

const SVG = "http://www.w3.org/2000/svg";
const LONGEST = 138; // units that a name has room for
const DEAF = 2000; // milliseconds after a click, see rows.js
const [STEP, SMALLEST, LARGEST] = [1.25, 0.2, 4];

function made(name, attributes, ...children) {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

function boxOf(wide, high) {
  return made("rect", { x: -wide / 2, y: -high / 2, width: wide, height: high, rx: 8 });
}

function nodeOf({ id, text, name, x, y, wide, high, kind, shade, chosen }) {
  const one = made(
    "g",
    { class: `node ${kind}`, transform: `translate(${x} ${y})`, role: "button", tabindex: -1, "aria-label": name },
    made("title", {}, name),
    boxOf(wide, high),
    ...(kind === "many" ? [boxOf(wide - 8, high - 8)] : []),
    made("text", {}, text),
  );
  one.style.setProperty("--shade", shade);
  one.classList.toggle("chosen", chosen);
  one.dataset.id = id;
  return one;
}

function shorten(texts) {
  const lengths = texts.map((one) => one.getComputedTextLength()); // all are asked before one is changed
  texts.forEach((one, at) => {
    const letters = [...one.textContent];
    if (lengths[at] > LONGEST) {
      one.textContent = `${letters.slice(0, Math.floor((letters.length * LONGEST) / lengths[at]) - 1).join("")}…`;
    }
  });
}

// How far it is enlarged; what lies in the middle of the box stays there.
function zoom(box, drawn, factor) {
  const [across, down] = [
    (box.scrollLeft + box.clientWidth / 2) / box.scrollWidth,
    (box.scrollTop + box.clientHeight / 2) / box.scrollHeight,
  ];
  box.zoom = Math.min(Math.max(factor, SMALLEST), LARGEST);
  drawn.style.setProperty("--zoom", box.zoom);
  box.scrollTo(across * box.scrollWidth - box.clientWidth / 2, down * box.scrollHeight - box.clientHeight / 2);
}

// A mouse drags it wherever it begins; fingers and wheels scroll it without us. What comes anew while it is pressed is
// shown when it is released: else the node on which a click began is gone before it ends, and the click is none.
function draggable(box) {
  const ends = ["pointerup", "pointercancel"];
  box.onpointerdown = (begun) => {
    const [left, top] = [box.scrollLeft, box.scrollTop];
    const dragged = (moved) => {
      const [x, y] = [moved.clientX - begun.clientX, moved.clientY - begun.clientY];
      if (!moved.buttons || (!box.dragged && Math.hypot(x, y) < 5)) return;
      if (!box.dragged) box.setPointerCapture(moved.pointerId);
      box.dragged = true;
      box.scrollTo(left - x, top - y);
    };
    const released = () => {
      for (const end of ends) document.removeEventListener(end, released);
      box.onpointermove = null;
      setTimeout(() => {
        box.pressed = box.dragged = false; // after the click that follows
        if (box.late) box.late();
        box.late = null;
      });
    };
    for (const end of ends) document.addEventListener(end, released);
    box.pressed = true;
    if (begun.pointerType === "mouse" && !begun.button) box.onpointermove = dragged;
  };
}

function chosenBy(box, drawn, choose) {
  const chosen = (event) => {
    const one = event.target.closest(".node");
    if (!one || one.classList.contains("chosen") || box.dragged || performance.now() < box.deaf) return;
    box.deaf = performance.now() + DEAF;
    choose(one.dataset.id);
  };
  drawn.onclick = chosen;
  drawn.onkeydown = (event) => {
    const all = [...drawn.querySelectorAll(".node")];
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") chosen(event);
    else if (step) all[(all.indexOf(event.target) + step + all.length) % all.length].focus();
    else return;
    event.preventDefault();
  };
}

function shown(parent, data, choose) {
  const [box, drawn, below, closer, farther, all] = parent.querySelectorAll(".box, svg, p, button");
  const [seen, legend, beyond] = data;
  const { left, top, width, height } = seen;
  const focused = parent.activeElement?.dataset.id;
  drawn.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  box.style.setProperty("--width", `${width}px`);
  box.style.setProperty("--ratio", width / height);
  const nodes = seen.nodes.map(nodeOf);
  const lines = seen.lines.map(({ path, way }) => made("path", { d: path, class: way ? "way" : "reads" }));
  drawn.replaceChildren(...lines, ...nodes);
  (nodes.find((one) => one.classList.contains("chosen")) ?? nodes[0])?.setAttribute("tabindex", 0);
  nodes.find((one) => one.dataset.id === focused)?.focus({ preventScroll: true });
  draggable(box);
  chosenBy(box, drawn, choose);

  const of = JSON.stringify([left, top, width, height, seen.chosen]);
  const settle = () => {
    if (!box.clientWidth) return;
    shorten(nodes.map((one) => one.querySelector("text")));
    if (box.of !== of) { // another graph, or another choice: what was chosen is in sight
      box.of = of;
      box.deaf = 0;
      zoom(box, drawn, 1);
      const one = nodes.find((node) => node.classList.contains("chosen"));
      const [at, room] = one ? [one.getBoundingClientRect(), box.getBoundingClientRect()] : [];
      if (at) box.scrollBy(at.x + at.width / 2 - room.x - room.width / 2, at.y + at.height / 2 - room.y - room.height / 2);
    }
    const more = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    box.classList.toggle("more", more);
    below.textContent = more ? `${legend} ${beyond}` : legend;
    box.dataset.settled = of;
  };
  const zoomed = (factor) => {
    zoom(box, drawn, factor);
    settle();
  };
  const whole = () => {
    const [wide, high] = [drawn.clientWidth / box.zoom, drawn.clientHeight / box.zoom];
    return Math.min(box.clientWidth / wide, parseFloat(getComputedStyle(box).maxHeight) / high, 1);
  };
  closer.onclick = () => zoomed(box.zoom * STEP);
  farther.onclick = () => zoomed(box.zoom / STEP);
  all.onclick = () => zoomed(whole());
  box.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // so a pinch on a touchpad comes, too
    event.preventDefault();
    zoomed(box.zoom * Math.exp(-event.deltaY / 300));
  };
  box.watched?.disconnect();
  box.watched = new ResizeObserver(settle); // it is told of the first size too, once all else on the page has one
  box.watched.observe(box);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".box");
  const show = () => shown(parentElement, data, (id) => setTriggerValue("chosen", id));
  box.late = box.pressed && show;
  if (!box.pressed) show();
  return () => box.watched?.disconnect();
}
