// The table of connections: all rows are in memory as columns, and only those in sight are in the page.

const SLACK = 12; // rows above and below those in sight
const names = data.columns.map((column) => column[0].toLowerCase());
const numeric = data.columns.map((column) => column[1]);
const TIMES = new Set([1, 14]); // columns in microseconds
const ANCHOR = data.columns.length; // behind the columns: the connection's anchor

const table = {
  columns: [], // values of each column
  texts: null, // each row in lower case, to search in; made when first asked for
  order: [], // numbers of the rows that are shown, sorted
  rowOf: new Map(), // anchor -> row
  query: "",
  sort: 0,
  down: false,
  only: null, // anchors that a display filter lets through; null: there is none
  local: false, // times as the reader's clock has them; else UTC
};

// What a cell shows.
function shown(column, row) {
  const value = table.columns[column][row];
  if (column === 1) return timeOf(value / 1000);
  if (column === 14) return value < 0 ? "open" : duration(value * 1000);
  // Numbers of several captures would not be told apart.
  if (column === 0 && data.several) return table.columns[ANCHOR][row].slice(1);
  return String(value);
}

// 12:34:56.789, in UTC or by the reader's clock.
function timeOf(ms) {
  const utc = new Date(ms);
  if (!table.local) return utc.toISOString().slice(11, 23);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(utc.getHours())}:${two(utc.getMinutes())}:${two(utc.getSeconds())}.${String(utc.getMilliseconds()).padStart(3, "0")}`;
}

// What is to be said of a query: columns that there are not, and words that no connection has.
function doubts(query, wanted) {
  const said = [];
  for (const { word, column, test, minus } of wanted) {
    if (column && names.indexOf(column) < 0 && !/^[\d.]+$/.test(column)) {
      said.push(`There is no column \u201c${column}\u201d: \u201c${word}\u201d is looked for as it stands.`);
    } else if (!minus && !table.order.length && !table.columns[0].some((_, row) => test(row))) {
      said.push(`No connection has \u201c${word}\u201d.`);
    }
  }
  return said.join(" ");
}

// "lasted>50ms  -plugin:native  root" as a list of tests, each {test: (row) => boolean, ...}.
function tests(query) {
  const found = [];
  for (const [, minus, column, sign, quoted, bare] of query.matchAll(
    /(-?)(?:([a-z#]+)(:|=|>=|>|<))?(?:"([^"]*)"?|(\S+))/gi)) {
    const word = (quoted ?? bare).toLowerCase();
    const at = column ? names.indexOf(column.toLowerCase()) : -1;
    let test;
    if (at >= 0 && sign === "=") {
      test = (row) => shown(at, row).toLowerCase() === word;
    } else if (at >= 0 && sign !== ":") {
      const limit = momentOf(word) ?? numberOf(word, at), values = table.columns[at];
      test = { ">": (row) => values[row] > limit, ">=": (row) => values[row] >= limit, "<": (row) => values[row] < limit }[sign];
    } else if (at >= 0) {
      test = (row) => shown(at, row).toLowerCase().includes(word);
    } else {
      const text = column ? (column + sign + word).toLowerCase() : word; // no column of that name: an address, say
      test = (row) => textOf(row).includes(text);
    }
    found.push({ word: (column ? column + sign : "") + (quoted ?? bare), column: column?.toLowerCase(), minus, test: minus ? (row) => !test(row) : test });
  }
  return found;
}

// "2026-11-22T10:32:47.123456" (UTC) in microseconds since 1970.
function momentOf(word) {
  const found = /^(\d{4}-\d\d-\d\d)t(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?z?$/.exec(word);
  return found ? Date.parse(`${found[1]}T${found[2]}Z`) * 1000 + +(found[3] || "").padEnd(6, "0") : undefined;
}

// "50ms" in the column's own unit.
function numberOf(word, column) {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m|h)?/.exec(word) || [0, NaN];
  const scale = { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
  return parseFloat(number) * (TIMES.has(column) ? scale[unit] || 1e3 : 1);
}

function textOf(row) {
  table.texts ||= [];
  return (table.texts[row] ||= names.map((_, column) => shown(column, row)).join("\n").toLowerCase());
}

// Applies query and sort. Different values are few next to rows: they are compared once, and then by rank.
function arrange() {
  const wanted = tests(table.query), rows = table.columns[0].length;
  const kept = [];
  for (let row = 0; row < rows; row++) {
    if ((!table.only || table.only.has(table.columns[ANCHOR][row])) && wanted.every((one) => one.test(row))) kept.push(row);
  }
  const values = table.columns[table.sort];
  if (numeric[table.sort]) {
    kept.sort((a, b) => values[a] - values[b] || a - b);
  } else {
    const { compare } = new Intl.Collator("en", { numeric: true });
    const ranks = new Map([...new Set(values)].sort(compare).map((value, rank) => [value, rank]));
    kept.sort((a, b) => ranks.get(values[a]) - ranks.get(values[b]) || a - b);
  }
  if (table.down) kept.reverse();
  table.order = kept;
  const said = doubts(table.query, wanted), status = form.querySelector("[role=status]");
  status.hidden = !said;
  status.textContent = said;
}

// Columns as wide as what they hold; findings and errors are never cut. Of many rows a part is looked at.
const CUT_AT = 30, LOOKED_AT = 3000;
function widen() {
  const rows = table.columns[0].length, step = Math.max(1, Math.floor(rows / LOOKED_AT));
  let all = 0;
  heads.forEach((head, column) => {
    if (getComputedStyle(head).display === "none") return;
    let longest = names[column].length + 2;
    for (let row = 0; row < rows; row += step) longest = Math.max(longest, shown(column, row).length);
    const whole = names[column] === "findings" ? longest : Math.min(longest, CUT_AT);
    const rem = (names[column] === "outcome" ? 2.4 : 1.4) + whole * .48;
    head.style.width = rem + "rem";
    all += rem;
  });
  board.querySelector("table").style.minWidth = all + "rem";
}

const board = document.getElementById("table");
const body = board && board.querySelector("tbody");
let height = 34; // of a row; measured
let drawn = ""; // which rows are in the page

// Puts the rows in sight into the page, between two rows that are as high as those left out.
function draw(force) {
  if (!body) return;
  const size = table.order.length;
  const first = Math.max(0, Math.floor(board.scrollTop / height) - SLACK);
  const last = Math.min(size, first + Math.ceil((board.clientHeight || 600) / height) + 2 * SLACK);
  const state = first + "-" + last;
  if (!force && state === drawn) return;
  drawn = state;
  const held = document.activeElement?.closest?.("tr.row")?.dataset.row;
  const lines = table.order.slice(first, last).map((row, index) => line(row, first + index));
  if (!size) lines.push(el("tr", { class: "nothing" }, el("td", { colspan: heads.filter((head) => head.offsetWidth).length || 1 }, "No connection fits the filter.")));
  body.replaceChildren(space(first * height), ...lines, space((size - last) * height));
  const real = body.querySelector("tr.row")?.offsetHeight;
  if (real && real !== height) {
    height = real;
    draw(true);
    return;
  }
  if (held !== undefined) body.querySelector(`tr[data-row="${held}"] a`)?.focus({ preventScroll: true });
}

function space(pixels) {
  const row = el("tr", { class: "gap", "aria-hidden": "true" }, el("td", {}));
  row.style.height = pixels + "px";
  row.firstChild.style.height = pixels + "px";
  return row;
}

function line(row, index) {
  const cells = names.map((name, column) => {
    const text = shown(column, row);
    let inside = text;
    if (column === 0) inside = el("a", { href: "#" + table.columns[ANCHOR][row] }, text);
    else if (name === "outcome") inside = el("span", { class: "tag " + text }, text);
    return el("td", { class: "col-" + (column ? name : "nr") + (numeric[column] ? " number" : ""), title: text.length > 14 ? text : null }, inside);
  });
  return el("tr", { class: "row", "data-row": row, "aria-rowindex": index + 2 }, ...cells);
}

// Scrolls a row into sight and puts the focus on it.
function focusOn(index) {
  if (index < 0 || index >= table.order.length) return;
  const head = board.querySelector("thead").offsetHeight, top = index * height;
  if (top < board.scrollTop) board.scrollTop = top;
  else if (top + height + head > board.scrollTop + board.clientHeight) board.scrollTop = top + height + head - board.clientHeight;
  draw();
  body.querySelector(`tr[data-row="${table.order[index]}"] a`)?.focus({ preventScroll: true });
}

// Arranges the rows there are now, and says how many they are.
function rearrange() {
  arrange();
  form.querySelector("output").value =
    table.order.length === data.rows ? count(data.rows, "connection")
      : table.order.length.toLocaleString("en") + " of " + count(data.rows, "connection");
  board.querySelector("table").setAttribute("aria-rowcount", table.order.length + 1);
}

// Query and sort as the page's address says: connections?q=...&sort=lasted&down=1
function arrangeBy(parameters) {
  table.query = parameters.get("q") || "";
  table.sort = Math.max(0, names.indexOf(parameters.get("sort")));
  table.down = parameters.has("down") || (data.served?.newest && !parameters.has("sort") && !parameters.has("up"));
  if (document.activeElement !== form.elements.q) form.elements.q.value = table.query;
  if (data.served) wantMatches(parameters.get("y") || "");
  rearrange();
  heads.forEach((head, column) => {
    if (column === table.sort && (table.sort || table.down)) head.setAttribute("aria-sort", table.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  form.querySelector("a.here").href = listAddress();
  board.scrollTop = 0;
  draw(true);
}

// The address of the list as it is now.
function listAddress() {
  const parameters = new URLSearchParams();
  if (table.query) parameters.set("q", table.query);
  if (table.sort) parameters.set("sort", names[table.sort]);
  if (table.down) parameters.set("down", "1");
  else if (data.served?.newest && !table.sort) parameters.set("up", "1");
  // Left readable: a blank is the only character of a query that a link can not hold.
  const text = decodeURIComponent(parameters.toString().replaceAll("+", "%20")).replaceAll(" ", "+");
  const asked = data.served && matching.text ? "y=" + encodeURIComponent(matching.text) : "";
  return "#connections" + (text || asked ? "?" : "") + [text, asked].filter(Boolean).join("&");
}

const form = document.querySelector("form.controls");
const heads = board ? [...board.querySelectorAll("thead th")] : [];

async function startTable() {
  const parts = await Promise.all([...document.getElementsByClassName("rows")].map(unpack));
  table.columns = (parts[0] || []).map((_, column) => [].concat(...parts.map((part) => part[column])));
  if (data.served) table.columns = Array.from({ length: ANCHOR + 2 }, () => []);
  if (!table.columns.length) return;
  table.columns[ANCHOR].forEach((anchor, row) => table.rowOf.set(anchor, row));
  form.hidden = false;
  let soon = 0;
  form.elements.q.addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(() => {
      table.query = form.elements.q.value;
      history.replaceState(null, "", listAddress());
      arrangeBy(new URLSearchParams(location.hash.split("?")[1] || ""));
    }, 80);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  if (data.served) startMatching();
  form.elements.clock.addEventListener("click", () => {
    table.local = !table.local;
    table.texts = null;
    form.elements.clock.textContent = table.local ? "Times: local" : "Times: UTC";
    draw(true);
  });
  if (!matchMedia("(max-width: 760px)").matches) widen();
  heads.forEach((head, column) => {
    head.replaceChildren(el("button", { type: "button", onclick: () => {
      table.down = table.sort === column && !table.down;
      table.sort = column;
      history.replaceState(null, "", listAddress());
      arrangeBy(new URLSearchParams(location.hash.split("?")[1] || ""));
    } }, head.textContent));
  });
  board.addEventListener("scroll", () => draw(), { passive: true });
  addEventListener("resize", () => draw(true));
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr.row");
    if (row && !event.target.closest("a") && !getSelection().toString()) row.querySelector("a").click();
  });
  board.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = document.activeElement.closest("tr.row");
    const at = row ? table.order.indexOf(+row.dataset.row) : -1;
    event.preventDefault();
    focusOn(Math.min(table.order.length - 1, Math.max(0, at + step)));
  });
  // A bar leads to its connections, as its line in the numbers beside it does.
  document.addEventListener("click", (event) => {
    const query = event.target.closest(".chart [data-q]")?.dataset.q;
    if (query) location.hash = "#connections?q=" + encodeURIComponent(query);
  });
  // Paper has no scroll bar: up to a thousand rows are printed.
  addEventListener("beforeprint", () => body.replaceChildren(...table.order.slice(0, 1000).map(line)));
  addEventListener("afterprint", () => draw(true));
}
