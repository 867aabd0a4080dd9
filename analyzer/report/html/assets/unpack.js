// What the page holds, and small helpers. All text reaches the page through textContent: nothing of it can be HTML.

const data = JSON.parse(document.getElementById("data").textContent);

// Makes an element: el("a", {class: "x", href: "#"}, "text", child, ...). Children that are null are left out.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// A compressed block (zlib, base64) of the page as the value it holds.
async function unpack(block) {
  const packed = atob(block.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(plain).json();
}

// The blocks of each kind that were looked at last; the others wait in the page, compressed.
const opened = { views: new Map(), packets: new Map() };

// The values of the connection `number` in the blocks of a kind.
async function valuesOf(kind, number) {
  const starts = data.starts[kind], kept = opened[kind];
  let block = starts.length - 1;
  while (starts[block] > number) block--;
  if (!kept.has(block)) {
    kept.set(block, unpack(document.getElementsByClassName(kind)[block]));
    if (kept.size > 8) kept.delete(kept.keys().next().value);
  }
  return (await kept.get(block)).map((column) => column[number - starts[block]]);
}

// A connection as html_view.py made it: its view, and its packets where they are kept. See packet_columns.
async function connectionOf(row, anchor, kept) {
  const [values, columns, why] = data.served ? await askedFor(kept)
    : [await valuesOf("views", row), kept < 0 || kept >= data.kept ? null : await valuesOf("packets", kept)];
  const c = Object.fromEntries(data.names.map((name, index) => [name, values[index]]));
  c.id = anchor;
  c.why = why;
  if (!columns) return c;
  const [counts, depths, names, texts, starts, ends, leftOut, commands] = columns.splice(-8);
  if (!counts.length) return c;
  let at = 0;
  c.packets = counts.map((number, index) => {
    const packet = columns.map((column) => column[index]);
    const fields = [];
    for (const stop = at + number; at < stop; at++) fields.push([depths[at], names[at], texts[at], starts[at], ends[at]]);
    packet.push(fields);
    return packet;
  });
  [c.left_out, c.listed] = leftOut;
  c.commands = commands;
  return c;
}

// Three digits that count: 83 us, 1.2 ms, 14 s. The same as labels.duration.
function duration(ns) {
  if (ns < 999500) return Math.round(ns / 1e3) + "us";
  const digits = (value) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
  if (ns < 999500000) return digits(ns / 1e6) + "ms";
  if (ns < 59950000000) return digits(ns / 1e9) + "s";
  const seconds = Math.round(ns / 1e9), two = (value) => String(value).padStart(2, "0");
  if (seconds < 3600) return Math.floor(seconds / 60) + "m" + two(seconds % 60) + "s";
  if (seconds < 86400) return Math.floor(seconds / 3600) + "h" + two(Math.floor((seconds % 3600) / 60)) + "m";
  return Math.floor(seconds / 86400) + "d" + two(Math.floor((seconds % 86400) / 3600)) + "h";
}

// 1,234.567: the time since a connection's start, as its ladder has it.
function milliseconds(ns) {
  return (ns / 1e6).toLocaleString("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
}

// "1 byte", "2,000 bytes".
function count(number, one) {
  return number.toLocaleString("en") + " " + one + (number === 1 ? "" : "s");
}
