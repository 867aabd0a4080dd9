// A page that a running program serves: rows and parts come while it is open. After a break the stream goes on where it
// ended; a page that was slow gets the newest state, not all that was between.

const SLOWEST_TRY = 30000; // ms between two tries to reach the program
const state = document.getElementById("state");
const held = document.getElementById("held");
const ROW_ID = ANCHOR + 1; // the column with the number by which the program knows a row
let oldest = 0; // rows before this one are let go

// What the program says of one connection: [values of its view, columns of its packets or null, why there are none].
async function askedFor(id) {
  document.documentElement.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(data.served.connection + id);
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  } finally {
    document.documentElement.removeAttribute("aria-busy");
  }
}

function takeRows(said) {
  for (const values of said.rows) {
    const anchor = values[ANCHOR], at = table.rowOf.get(anchor);
    if (at === undefined) {
      table.rowOf.set(anchor, table.columns[ANCHOR].length);
      values.forEach((value, column) => table.columns[column].push(value));
    } else {
      values.forEach((value, column) => { table.columns[column][at] = value; });
      if (table.texts) table.texts[at] = undefined;
      if (current?.anchor === anchor) tellNews();
    }
  }
  if (said.oldest > oldest) letGo(said.oldest);
  data.rows = table.columns[ANCHOR].length;
  if (held) held.textContent = said.held;
  if (said.rows.length) showSoon();
  if (said.rows.length && data.served.newest && matching.change !== null) matchSoon();
}

function letGo(first) {
  oldest = first;
  const ids = table.columns[ROW_ID];
  const stay = ids.map((id) => id >= first);
  table.columns = table.columns.map((column) => column.filter((_, row) => stay[row]));
  table.texts = null;
  table.rowOf.clear();
  table.columns[ANCHOR].forEach((anchor, row) => table.rowOf.set(anchor, row));
}

// A display filter is answered by the program: it says which connections it lets through. Of a capture that goes on it is
// asked again for what has changed since; `change` is null where that can not be.
const matching = { text: "", change: "", running: null, due: 0 };

function wantMatches(text) {
  if (document.activeElement !== form.elements.y) form.elements.y.value = text;
  if (text === matching.text) return;
  Object.assign(matching, { text, change: "" });
  match();
}

function startMatching() {
  const commit = () => {
    if (form.elements.y.value === matching.text) return;
    Object.assign(matching, { text: form.elements.y.value, change: "" });
    history.replaceState(null, "", listAddress());
    form.querySelector("a.here").href = listAddress();
    match();
  };
  form.elements.y.addEventListener("change", commit);
  form.elements.y.addEventListener("search", commit);
  form.addEventListener("submit", () => {
    if (document.activeElement !== form.elements.y || form.elements.y.value !== matching.text) return;
    matching.change = "";
    match();
  });
}

function matchSoon() {
  if (matching.text) matching.due ||= setTimeout(() => { matching.due = 0; match(); }, 1000);
}

async function match() {
  matching.running?.abort();
  const running = matching.running = new AbortController(), first = matching.change === "";
  let note = "", wrong = false;
  if (!matching.text) {
    table.only = null;
  } else {
    const query = new URLSearchParams({ filter: matching.text, since: matching.change });
    if (first) document.documentElement.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(data.served.matches + "?" + query, { signal: running.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const said = await answer.json();
      if (first) table.only = new Set();
      for (const anchor of said.shown) table.only.add(anchor);
      for (const anchor of said.hidden) table.only.delete(anchor);
      matching.change = said.change;
      note = said.note;
    } catch (error) {
      if (running.signal.aborted) return;
      note = error.message;
      wrong = true;
      if (first) table.only = null;
    }
  }
  document.documentElement.removeAttribute("aria-busy");
  const status = document.getElementById("matched");
  status.textContent = note;
  status.hidden = !note;
  form.elements.y.setAttribute("aria-invalid", wrong);
  rearrange();
  draw(true);
}

// The connection that is looked at has gone on.
function tellNews() {
  const sheet = current.sheet;
  if (sheet.querySelector(".news")) return;
  sheet.querySelector("header").append(el("p", { class: "news", role: "status" }, "It has gone on. ",
    el("button", { type: "button", onclick: () => { current = null; follow(); } }, "Show what is new")));
}

// Sorting and drawing take time that grows with the rows: there is four times as long a pause after them.
let due = 0, cost = 0, widened = "";
function showSoon() {
  due ||= setTimeout(() => {
    due = 0;
    const begun = performance.now(), rows = table.columns[ANCHOR].length;
    const top = board.scrollTop > height ? table.columns[ANCHOR][table.order[Math.floor(board.scrollTop / height)]] : null;
    const into = board.scrollTop % height;
    // Columns get wider when the numbers do, and while rows are few with each that comes.
    const wide = `${rows < LOOKED_AT ? rows : Math.ceil(Math.log2(rows) * 4)} ${table.columns[ANCHOR][rows - 1]?.length}`;
    if (wide !== widened && !matchMedia("(max-width: 760px)").matches) {
      widened = wide;
      widen();
    }
    rearrange();
    const at = top === null ? -1 : table.order.indexOf(table.rowOf.get(top));
    if (at >= 0) board.scrollTop = at * height + into;
    draw(true);
    cost = performance.now() - begun;
  }, Math.max(150, 4 * cost));
}

// Puts parts of the overview into the page; one in which the reader marks text waits.
const waiting = new Map();
function takeParts(parts) {
  for (const [name, html] of Object.entries(parts)) waiting.set(name, html);
  for (const [name, html] of waiting) {
    const box = document.querySelector(`[data-part="${name}"]`), marked = getSelection();
    if (!marked.isCollapsed && box.contains(marked.anchorNode)) continue;
    waiting.delete(name);
    const open = [...box.querySelectorAll("details")].map((one) => one.open);
    const focus = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const made = new DOMParser().parseFromString(html, "text/html"); // which runs nothing
    box.replaceChildren(...made.body.childNodes);
    box.querySelectorAll("details").forEach((one, index) => { one.open = open[index] || false; });
    if (focus) box.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }
  if (waiting.size) setTimeout(() => takeParts({}), 1000);
}

// Listens for as long as something may come. `since` is what the program called the last that came.
function listen() {
  let since = "", tries = 0;
  const connect = () => {
    const source = new EventSource(data.served.events + "?since=" + since);
    const on = (name, take) => source.addEventListener(name, (event) => {
      since = event.lastEventId;
      tries = 0;
      take(JSON.parse(event.data));
    });
    on("rows", takeRows);
    on("parts", takeParts);
    on("state", (said) => {
      state.textContent = said.text;
      state.className = "sources";
      if (said.whole) settle();
      if (said.over) source.close();
    });
    source.onerror = () => {
      source.close();
      state.className = "caution";
      state.textContent = "The program that serves this page can not be reached. It is tried again.";
      setTimeout(connect, Math.min(SLOWEST_TRY, 500 * 2 ** tries++));
    };
  };
  connect();
}

// All that there was when the page was opened has come: an address that names a connection can be followed.
let settled = false;
function settle() {
  if (settled) return;
  settled = true;
  if (location.hash) follow();
  document.documentElement.setAttribute("data-settled", "");
}
