"use strict";
document.documentElement.classList.add("js");

// Heads of tables sort their column.
for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, body = head.closest("table").tBodies[0];
    const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
    const value = (row) => {
      const cell = row.cells[head.cellIndex];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    const rank = (a, b) => typeof a === typeof b
      ? (typeof a === "number" ? a - b : a.localeCompare(b))
      : (typeof a === "number" ? -1 : 1);
    [...body.rows].map((row) => [value(row), row]).sort((a, b) => way * rank(a[0], b[0]))
      .forEach(([, row]) => body.append(row));
  });
}

// A row of bars is one stop of the tab key; arrows move within it.
for (const bars of document.querySelectorAll(".bars")) {
  const links = [...bars.querySelectorAll("a.bar")];
  links.forEach((link, at) => { link.tabIndex = at === links.length - 1 ? 0 : -1; });
  bars.addEventListener("keydown", (event) => {
    const at = links.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || to === undefined || !links[to]) return;
    links[at].tabIndex = -1;
    links[to].tabIndex = 0;
    links[to].focus();
    event.preventDefault();
  });
}

// Bands of minutes: drag or buttons zoom all of them together, a click on red asks why.
for (const strips of document.querySelectorAll(".strips")) {
  const slots = Number(strips.dataset.slots), seconds = Number(strips.dataset.seconds);
  const bands = [...strips.querySelectorAll(".band svg")], output = strips.querySelector("output");
  let from = 0, to = slots;
  const clock = (slot) => {
    const at = Math.round(slot * seconds), two = (n) => String(n).padStart(2, "0");
    const text = two(Math.floor(at / 3600)) + ":" + two(Math.floor(at / 60) % 60);
    return seconds % 60 ? text + ":" + two(at % 60) : text;
  };
  const show = (start, end) => {
    const width = Math.min(slots, Math.max(10, Math.round(end - start)));
    from = Math.min(Math.max(0, Math.round(start)), slots - width);
    to = from + width;
    for (const band of bands) band.setAttribute("viewBox", `${from} 0 ${width} 10`);
    [...strips.querySelectorAll(".axis span")].forEach((label, at) => { label.textContent = clock(from + width * at / 4); });
    output.textContent = width === slots ? "" : `${clock(from)}–${clock(to)}`;
  };
  strips.querySelector(".zoom").hidden = false;
  strips.querySelector(".zoom").addEventListener("click", (event) => {
    const width = to - from, middle = (from + to) / 2;
    switch (event.target.dataset.zoom) {
      case "in": return show(middle - width / 4, middle + width / 4);
      case "out": return show(middle - width, middle + width);
      case "left": return show(from - width / 2, to - width / 2);
      case "right": return show(from + width / 2, to + width / 2);
      case "all": return show(0, slots);
    }
  });
  for (const band of bands) {
    const slot = (event) => {
      const box = band.getBoundingClientRect();
      return from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
    };
    let start = null;
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    mark.setAttribute("class", "picked");
    mark.setAttribute("height", "10");
    band.addEventListener("pointerdown", (event) => { start = slot(event); });
    band.addEventListener("pointermove", (event) => {
      output.textContent = clock(Math.floor(slot(event)));
      if (start === null) return;
      mark.setAttribute("x", Math.min(start, slot(event)));
      mark.setAttribute("width", Math.abs(slot(event) - start));
      band.append(mark);
    });
    window.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const [first, last] = [start, slot(event)].sort((a, b) => a - b);
      start = null;
      mark.remove();
      if (last - first > (to - from) / 100) return show(first, last);
      if (event.target.classList.contains("down")) {
        const at = clock(Math.floor(first));
        location.href = `explain-${at.slice(0, 2)}.html#t${at.replaceAll(":", "")}`;
      }
    });
  }
}
