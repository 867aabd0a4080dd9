// What the page shows follows its address:
//   #                               the overview
//   #connections?q=...&sort=...     the table, filtered and sorted
//   #c12                            a connection; c2-12 is one of the second capture
//   #c12/packets  #c12-p5           a part of it; its fifth packet
// Any other name is an element of the overview.

const overview = document.getElementById("overview");
const place = document.getElementById("connection");
let current = null; // {anchor, sheet} of the connection that is shown
let leftAt = 0; // where the overview was left

async function follow() {
  const hash = decodeURIComponent(location.hash.slice(1).replaceAll("+", " "));
  const [, anchor, packet, part] = /^(c(?:\d+-)?\d+)(?:-p(\d+))?(?:\/(\w+))?$/.exec(hash) || [];
  const row = table.rowOf.get(anchor);
  if (row !== undefined) {
    await showConnection(anchor, row, packet ? +packet : 0, part);
    return;
  }
  const back = !place.hidden;
  current = null;
  place.hidden = true;
  place.replaceChildren();
  document.documentElement.classList.remove("one");
  overview.hidden = false;
  document.title = title;
  const name = hash.split("?")[0];
  if (name === "connections" && table.columns.length) {
    arrangeBy(new URLSearchParams(location.hash.split("?")[1] || ""));
    if (back && leftAt) scrollTo(0, leftAt);
    else document.getElementById("connections").scrollIntoView();
  } else if (name) {
    document.getElementById(name)?.scrollIntoView();
  } else if (back) {
    scrollTo(0, leftAt);
  }
}

async function showConnection(anchor, row, packet, part) {
  if (current?.anchor !== anchor) {
    const asked = location.hash;
    let c;
    try {
      c = await connectionOf(row, anchor, table.columns[ANCHOR + 1][row]);
    } catch (error) {
      form.querySelector("[role=status]").textContent = "The connection can not be shown: " + error.message;
      form.querySelector("[role=status]").hidden = false;
      return;
    }
    if (location.hash !== asked) return; // the reader has gone on meanwhile
    if (!overview.hidden) leftAt = scrollY;
    document.documentElement.classList.add("one");
    const sheet = connectionPage(c, row);
    current = { anchor, sheet };
    overview.hidden = true;
    place.hidden = false;
    place.replaceChildren(sheet);
    document.title = `Connection ${c.n}: ${c.who}`;
    scrollTo(0, 0);
    sheet.querySelector("h2").focus({ preventScroll: true });
    if (!packet) sheet.querySelector(".panes")?.select(firstOf(c.packets), false);
  }
  const box = current.sheet.querySelector(".panes");
  if (packet && box) {
    box.select(Math.min(packet, box.querySelectorAll("tbody tr").length) - 1, false);
    current.sheet.querySelector("#part-packets").scrollIntoView();
  } else if (part) {
    current.sheet.querySelector("#part-" + part)?.scrollIntoView();
  }
}

// Light, dark, or as the reader's system has it.
function themeButton() {
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];
  const button = el("button", { type: "button", onclick: () => {
    root.dataset.theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    label();
  } });
  const label = () => { button.textContent = "Theme: " + root.dataset.theme; };
  label();
  document.querySelector(".brand").append(button);
}

// One key to the table, one to its filter: findings may be many.
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (event.key !== "t" && event.key !== "/") return;
  event.preventDefault();
  if (!place.hidden) location.hash = listAddress();
  const head = document.getElementById("connections");
  head.scrollIntoView();
  if (event.key === "t") head.focus({ preventScroll: true });
  else form.elements.q.focus({ preventScroll: true });
}

const title = document.title;
themeButton();
if (window.DecompressionStream && board) {
  document.documentElement.classList.add("live");
  document.getElementById("static")?.remove(); // all of it, and more, is in the blocks
  startTable().then(() => {
    arrangeBy(new URLSearchParams(""));
    addEventListener("hashchange", follow);
    addEventListener("keydown", keys);
    if (data.served) listen();
    return follow();
  }).then(() => document.documentElement.setAttribute("data-ready", ""));
} else {
  document.documentElement.setAttribute("data-ready", "");
}
