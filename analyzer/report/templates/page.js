"use strict";
// Comforts only: the page says all it has to say without this script.
(() => {
  const table = document.querySelector("table.connections");

  function reveal() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  reveal();

  // A field's bytes light up while the pointer is on it.
  if (window.Highlight && CSS.highlights) {
    document.addEventListener("pointerover", (event) => {
      CSS.highlights.delete("field");
      const field = event.target.closest(".tree li");
      const text = field && field.closest(".opened").querySelector(".bytes").firstChild;
      if (!text) return;
      const marks = new Highlight();
      for (let byte = +field.dataset.start; byte < +field.dataset.end; byte++) {
        const row = byte >> 4, column = byte & 15;
        const start = text.data.split("\n", row).reduce((sum, line) => sum + line.length + 1, 0);
        for (const [at, size] of [[6 + column * 3 + (column > 7), 2], [56 + column, 1]]) {
          if (start + at + size > text.length) return;
          const range = new Range();
          range.setStart(text, start + at);
          range.setEnd(text, start + at + size);
          marks.add(range);
        }
      }
      CSS.highlights.set("field", marks);
    });
  }

  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
  const form = document.querySelector("form.controls");
  const { text, outcome } = form.elements;
  const output = form.querySelector("output");

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = (!outcome.value || row.dataset.outcome === outcome.value) && words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    output.value = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  }
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("[data-filter]")) {
    link.addEventListener("click", () => {
      text.value = link.dataset.filter;
      outcome.value = "";
      filter();
    });
  }
  filter(); // a browser may have kept what was typed before a reload

  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = ({ row }) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const { compare } = new Intl.Collator("en", { numeric: true });
      const order = rows.map((entry) => [key(entry), entry.row]).sort((a, b) => compare(a[0], b[0]));
      if (down) order.reverse();
      body.append(...order.map((pair) => pair[1]));
    });
  });
})();
