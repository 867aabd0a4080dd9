// Wireshark's three panes: the packets, the fields of one of them, and its bytes. A field lights its bytes, and a byte
// its field. Arrow keys move in each pane, Tab goes from one to the next.

const LAYERS = { tls: "In TLS", compressed: "Compressed" };

// Makes one of `items` the one that Tab reaches, and marks it.
function choose(items, index) {
  items.forEach((item, at) => {
    item.setAttribute("aria-selected", at === index);
    item.tabIndex = at === index ? 0 : -1;
  });
}

function panes(c) {
  const list = el("tbody", {});
  const fields = el("div", { class: "pane fields" });
  const raw = el("div", { class: "pane raw" });
  const status = el("p", { class: "status", "aria-live": "polite" }, "Choose a packet, then a field or a byte.");
  const root = el("div", { class: "panes" },
    el("div", { class: "pane list" }, el("table", { role: "grid", "aria-label": "Packets" },
      el("thead", {}, el("tr", {}, ...["Nr", "ms", "From", "Frame", "Bytes", "Record", "What it says"].map((title, index) =>
        el("th", { scope: "col", class: { 3: "frame", 4: "size" }[index] || null }, title)))), list)),
    fields, raw, status);

  const rows = c.packets.map((packet, index) => {
    const [frame, ns, sender, , record, summary, length] = packet;
    return el("tr", { "aria-selected": "false", tabindex: "-1", onclick: () => select(index, true) },
      el("td", {}, String(index + 1)), el("td", { class: "number" }, (ns / 1e6).toFixed(3)),
      el("td", { class: "dir " + (sender ? "server" : "client") }, sender ? "server" : "client"),
      el("td", { class: "number frame" }, frame ? String(frame) : ""), el("td", { class: "number size" }, length ? String(length) : ""),
      el("td", {}, el("b", {}, record)), el("td", {}, summary));
  });
  list.append(...rows);
  list.addEventListener("keydown", (event) => {
    const at = rows.indexOf(event.target.closest("tr"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(Math.max(0, Math.min(rows.length - 1, to)), true);
    rows[Math.max(0, Math.min(rows.length - 1, to))].focus();
  });

  // Shows packet `index`; `told` puts it into the page's address.
  function select(index, told) {
    choose(rows, index);
    const box = root.firstChild, row = rows[index];
    const head = box.querySelector("thead").offsetHeight;
    if (row.offsetTop - head < box.scrollTop) box.scrollTop = row.offsetTop - head;
    else if (row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = row.offsetTop + row.offsetHeight - box.clientHeight;
    if (told) history.replaceState(null, "", `#${c.id}-p${index + 1}`);
    packetPanes(c.packets[index], fields, raw, status);
  }
  root.select = select;
  return root;
}

// The packet to begin with: the first that has fields.
function firstOf(packets) {
  return Math.max(0, packets.findIndex((packet) => packet[12].length));
}

// The second and third pane for one packet.
function packetPanes(packet, fields, raw, status) {
  const [frame, , , sequence, record, , length, error, digits, layers, first, , tree] = packet;
  const bytes = bytesOf(digits);
  const manual = data.manual[record.replace("Malformed ", "")];
  fields.replaceChildren();
  if (manual) {
    const [title, mysql, mariadb] = manual;
    fields.append(el("p", { class: "manual" }, title + " in the manual of ",
      mysql ? el("a", { href: mysql, rel: "noreferrer" }, "MySQL") : null, mysql && mariadb ? " and " : null,
      mariadb ? el("a", { href: mariadb, rel: "noreferrer" }, "MariaDB") : null));
  }
  if (error) fields.append(el("p", { class: "bad empty" }, error));

  const items = tree.map(([depth, name, value, start, end], index) =>
    el("li", { role: "treeitem", "aria-level": depth + 1, "aria-selected": "false", class: "d" + Math.min(depth, 5), tabindex: index ? "-1" : "0" },
      el("span", { class: "name" }, name), el("span", { class: "value" }, value), el("span", { class: "range" }, end > start ? `${start}:${end}` : "")));
  if (items.length) {
    const box = el("ul", { class: "tree", role: "tree", "aria-label": "Fields of " + record }, ...items);
    box.addEventListener("click", (event) => light(items.indexOf(event.target.closest("li"))));
    box.addEventListener("focusin", (event) => light(items.indexOf(event.target.closest("li"))));
    box.addEventListener("keydown", (event) => {
      const at = items.indexOf(event.target.closest("li"));
      const inside = tree.findIndex((field, index) => index > at && field[0] > tree[at][0]);
      const outside = tree.findLastIndex((field, index) => index < at && field[0] < tree[at][0]);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1, ArrowRight: inside === at + 1 ? inside : at, ArrowLeft: outside }[event.key];
      if (to === undefined || !items[to]) return;
      event.preventDefault();
      items[to].focus();
    });
    fields.append(box);
  } else if (!error) {
    fields.append(el("p", { class: "empty" }, bytes.length ? "The bytes of this packet have no fields of their own." : "No bytes of MySQL's protocol: an event of the connection itself."));
  }

  // The bytes, in the layers they came in, the outermost first.
  const inner = layers.some(([name]) => name === "compressed") ? "Decompressed" : layers.length ? "Decrypted" : first !== frame ? "Reassembled" : "Packet";
  const tabs = [...layers.map(([name, hex, size]) => [LAYERS[name] || name, bytesOf(hex), size]), [inner, bytes, length]];
  const bar = el("div", { class: "tabs", role: "tablist", "aria-label": "Bytes" });
  const view = el("div", { class: "hex", tabindex: "0", role: "application", "aria-roledescription": "bytes", "aria-label": "Bytes: arrow keys move" });
  const remark = el("p", { class: "note" });
  const buttons = tabs.map(([title], index) => el("button", { type: "button", role: "tab", onclick: () => open(index), onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const to = (index + step + tabs.length) % tabs.length;
    open(to);
    buttons[to].focus();
  } }, title));
  bar.append(...buttons);
  raw.replaceChildren(bar, view, remark);

  let pairs = [], letters = [], cursor = -1, innermost = true;
  const secret = (at) => tree.some((field) => field[2] === "(masked)" && at >= field[3] && at < field[4]);

  function open(index) {
    choose(buttons, index);
    const [, shown, size] = tabs[index];
    innermost = index === tabs.length - 1;
    const columns = view.clientWidth && view.clientWidth < 460 ? 8 : 16;
    pairs = [];
    letters = [];
    view.replaceChildren();
    for (let row = 0; row < shown.length; row += columns) {
      const left = [], right = [];
      for (let at = row; at < row + columns; at++) {
        if (at >= shown.length) {
          left.push(at % 8 === 7 ? "    " : "   ");
          continue;
        }
        const masked = innermost && secret(at);
        const facts = { "data-at": at, class: masked ? "secret" : null };
        pairs.push(el("b", facts, masked ? "**" : shown[at].toString(16).padStart(2, "0")));
        letters.push(el("b", facts, masked ? "*" : shown[at] > 31 && shown[at] < 127 ? String.fromCharCode(shown[at]) : "."));
        left.push(pairs[at], at % 8 === 7 ? "  " : " ");
        right.push(letters[at]);
      }
      view.append(el("i", {}, row.toString(16).padStart(4, "0")), "  ", ...left, " ", ...right, "\n");
    }
    const parts = [];
    if (!shown.length) parts.push("No bytes.");
    else if (size > shown.length) parts.push(`The first ${shown.length} of ${size.toLocaleString("en")} bytes.`);
    if (innermost && first !== frame && shown.length) parts.push(`Put together from frames ${first} to ${frame}.`);
    if (!innermost) parts.push("As they were on the wire, with what came in the same segment.");
    if (innermost && tree.some((field) => field[2] === "(masked)")) parts.push("Secrets are masked.");
    remark.textContent = parts.join(" ");
    cursor = -1;
  }

  // Lights the bytes of field `index`, and says what it is.
  function light(index) {
    if (index < 0) return;
    if (!innermost) open(tabs.length - 1);
    choose(items, index);
    items[index].scrollIntoView({ block: "nearest" });
    const [, name, value, start, end] = tree[index];
    for (const one of [...pairs, ...letters]) {
      const at = +one.dataset.at;
      one.classList.toggle("lit", at >= start && at < end);
    }
    pairs[start]?.scrollIntoView({ block: "nearest" });
    const size = end - start;
    status.replaceChildren(el("b", {}, name), ` ${value.length > 80 ? value.slice(0, 80) + "…" : value}`, size ? `, ${count(size, "byte")} from ${start}` : "");
    // To the place in the manual's page that has the field's name, where the browser can find it.
    const page = manual && (manual[1] || manual[2]);
    if (page) status.append(", ", el("a", { href: `${page}${page.includes("#") ? "" : "#"}:~:text=${encodeURIComponent(name)}`, rel: "noreferrer" }, "in the manual"));
  }

  // Puts the cursor on byte `at`, and lights the innermost field around it.
  function point(at) {
    if (at < 0 || at >= pairs.length) return;
    for (const one of [pairs[cursor], letters[cursor]]) one?.classList.remove("at");
    cursor = at;
    for (const one of [pairs[at], letters[at]]) one.classList.add("at");
    pairs[at].scrollIntoView({ block: "nearest" });
    let best = -1;
    if (innermost) tree.forEach(([, , , start, end], index) => {
      if (at >= start && at < end && (best < 0 || end - start <= tree[best][4] - tree[best][3])) best = index;
    });
    if (best >= 0) light(best);
    else status.textContent = `Byte ${at}: 0x${pairs[at].textContent}`;
  }
  view.addEventListener("click", (event) => {
    const at = event.target.dataset?.at;
    if (at !== undefined) point(+at);
  });
  view.addEventListener("keydown", (event) => {
    const columns = view.clientWidth < 460 ? 8 : 16;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!step) return;
    event.preventDefault();
    point(cursor < 0 ? 0 : cursor + step);
  });
  open(tabs.length - 1);
  status.replaceChildren(el("b", {}, record), sequence === null ? "" : `, sequence id ${sequence}`, frame ? `, frame ${frame}` : "", length ? `, ${count(length, "byte")}` : "");
}

function bytesOf(digits) {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(digits.substr(2 * at, 2), 16);
  return bytes;
}
