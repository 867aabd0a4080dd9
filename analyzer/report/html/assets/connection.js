// A connection's own page. What it says was made by html_view.py; here it is only put in place.

const LADDER_ROWS = 60; // shown at first

const PHASES = ["TCP connect", "Greeting", "TLS", "Login", "Authentication"];

function section(id, title, ...children) {
  return el("section", { id: "part-" + id, "data-title": title }, el("h3", {}, title), ...children);
}

function pairs(list) {
  return el("dl", {}, ...list.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

// "frame 12", as a link to its packet where that is shown.
function frameLinks(c, frames) {
  return frames.flatMap((frame, index) => {
    const at = (c.packets || []).findIndex((packet) => packet[0] === frame);
    const text = "frame " + frame;
    return [index ? ", " : "", at < 0 ? text : el("a", { href: `#${c.id}-p${at + 1}` }, text)];
  });
}

function findings(c) {
  return el("ul", { class: "evidence" }, ...c.findings.map(([severity, code, confidence, message, advice, frames, evidence, doubt, alternatives]) =>
    el("li", { class: severity },
      el("span", { class: "tag " + severity }, severity), " ", el("b", { class: "code" }, code), " ",
      el("span", { class: "note" }, confidence, frames.length ? ", " : "", ...frameLinks(c, frames)),
      el("p", {}, message), advice ? el("p", { class: "note" }, advice) : null,
      ...evidence.map((line) => el("p", { class: "proof" }, line)),
      doubt ? el("p", { class: "note" }, `In doubt: ${doubt}.`) : null,
      alternatives.length ? el("p", { class: "note" }, `It could also be: ${alternatives.join("; ")}.`) : null)));
}

function ladder(c) {
  const rows = c.packets.map((packet, index) => {
    const [frame, ns, sender, , record, summary, length, error, , , , pause] = packet;
    const who = sender ? "server" : "client";
    const rung = el("a", { class: `rung ${who}${/^(SYN|FIN|RST|TLS )/.test(record) ? " tcp" : ""}`, href: `#${c.id}-p${index + 1}` },
      el("span", { class: "when" }, milliseconds(ns)),
      el("span", { class: "lane" }, el("span", { class: "hidden" }, "from the " + who)),
      el("span", { class: "what" }, el("b", {}, record), " ", summary, error ? el("em", { class: "bad" }, error) : null),
      el("span", { class: "where" }, (frame ? "frame " + frame : "") + (length ? `, ${length} B` : "")));
    if (!pause) return [rung];
    return [el("div", { class: "pause p" + pause[0] }, el("span", {}), el("span", { class: "lane" }), el("span", { class: "note" }, pause[1] + " pass")), rung];
  });
  const box = el("div", {}, el("div", { class: "ends", "aria-hidden": "true" },
    el("span", {}, "ms"), el("span", { class: "lane" }, el("b", {}, "client"), el("b", {}, "server"))));
  box.append(...rows.slice(0, LADDER_ROWS).flat());
  if (rows.length > LADDER_ROWS) {
    const more = el("button", { type: "button", class: "show-more", onclick: () => more.replaceWith(...rows.slice(LADDER_ROWS).flat()) },
      `Show ${rows.length - LADDER_ROWS} more`);
    box.append(more);
  }
  if (c.left_out) box.append(el("p", { class: "note" }, count(c.left_out, "further packet") + " left out."));
  return box;
}

function times(c) {
  const total = c.times.reduce((sum, [, ns]) => sum + ns, 0) || 1;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ class: "bar", width: "100%", height: 14, "aria-hidden": "true" })) svg.setAttribute(name, value);
  let at = 0;
  for (const [name, ns] of c.times) {
    const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const facts = { class: "phase" + PHASES.indexOf(name), x: (100 * at) / total + "%", width: (100 * ns) / total + "%", height: 14 };
    for (const [key, value] of Object.entries(facts)) part.setAttribute(key, value);
    svg.append(part);
    at += ns;
  }
  return el("div", { class: "times" }, svg, el("ul", { class: "legend" }, ...c.times.map(([name, ns]) =>
    el("li", { class: "phase" + PHASES.indexOf(name) }, name + " ", el("b", {}, duration(ns))))));
}

function steps(c) {
  return el("div", {}, el("ol", { class: "steps" }, ...c.auth.map(([who, frame, what, why]) =>
    el("li", { class: who },
      el("p", {}, el("b", {}, `The ${who} ${what}`), " ", el("span", { class: "note" }, ...frameLinks(c, [frame]))),
      why ? el("p", {}, why) : null))),
    c.auth_outcome ? el("p", { class: "note" }, c.auth_outcome) : null);
}

function matrix(c) {
  const mark = (bits, bit) => el("td", { class: bits & bit ? "yes" : "no" }, bits & bit ? "yes" : "no");
  const rows = c.capabilities.map(([number, bits]) => {
    const [name, meaning] = typeof number === "number" ? data.capabilities[number] : [number, ""];
    return el("tr", { class: bits & 4 ? null : "off" }, el("td", { class: "code" }, name), mark(bits, 1), mark(bits, 2), mark(bits, 4), el("td", {}, meaning));
  });
  return scrolled("Capabilities", el("table", {}, headOf(["Capability", "Server offers", "Client asks", "In force", "What it means"]), el("tbody", {}, ...rows)), "matrix");
}

function headOf(titles, numbers = []) {
  return el("thead", {}, el("tr", {}, ...titles.map((title, index) => el("th", { scope: "col", class: numbers.includes(index) ? "number" : null }, title))));
}

function scrolled(label, inside, kind = "") {
  return el("div", { class: "wide " + kind, tabindex: "0", role: "region", "aria-label": label }, inside);
}

// What makes the rows of a command: its own, and before it one that says how many are left out there.
function commandRows(c) {
  const frames = new Map(c.packets.map((packet, index) => [packet[0], `#${c.id}-p${index + 1}`]).reverse());
  const link = (frame, text) => (frames.has(frame) ? el("a", { href: frames.get(frame) }, text) : text);
  return ([skipped, frame, name, statement, cut, at, latency, whole, answer, answered, rows, error]) => {
    const row = el("tr", {}, el("td", { class: "number frame" }, link(frame, String(frame))),
      el("td", { class: "number at" }, milliseconds(at)), el("td", { class: "kind" }, name),
      el("td", { class: "said" }, el("span", { class: "code" }, statement), cut ? el("span", { class: "note" }, ` … ${cut}`) : null),
      el("td", { class: "number first" }, latency === null ? "" : duration(latency)),
      el("td", { class: "number whole" }, whole === null ? "" : duration(whole)),
      el("td", { class: "answer" }, el("span", { class: error ? "bad" : null }, answer), error ? " " + error : "",
        rows ? ", " + rows : "", ...(answered ? [", ", link(answered, "frame " + answered)] : [])));
    return skipped ? [el("tr", { class: "skipped" }, el("td", { colspan: "7" }, count(skipped, "command") + " not listed")), row] : [row];
  };
}

function commands(c) {
  const parts = [];
  if (c.commands?.length) {
    const body = el("tbody", {}, ...c.commands.flatMap(commandRows(c)));
    parts.push(scrolled("Commands", el("table", { class: "commands" },
      headOf(["Frame", "At, ms", "Command", "Statement", "First answer", "Whole", "Answer"], [0, 1, 4, 5]), body)));
    if (c.listed) parts.push(el("p", { class: "note" }, c.listed));
  }
  if (c.counts.length) parts.push(el("p", { class: "note" }, "All commands: " + c.counts.map(([name, number]) => `${name} ${number.toLocaleString("en")}`).join(", ")));
  return parts;
}

// The whole page of a connection.
function connectionPage(c, row) {
  const near = (step) => {
    const at = table.order.indexOf(row) + step, other = table.order[at];
    return at - step >= 0 && other !== undefined ? table.columns[ANCHOR][other] : null;
  };
  const [before, after] = [near(-1), near(1)];
  const facts = c.facts.map(([title, list]) => el("section", {}, el("h3", {}, title), pairs(list)));
  const parts = [];
  const main = [];
  if (c.packets) main.push(section("ladder", "What was said", ladder(c)));
  else main.push(el("p", { class: "note" }, c.why || "The packets of this connection are not kept in this page. A higher --limit, or a capture with fewer connections, shows them."));
  if (c.times.length) main.push(section("times", "Where the time went", times(c)));
  if (c.auth.length) main.push(section("authentication", "Authentication, step by step", steps(c)));
  parts.push(el("div", { class: "columns" }, el("div", {}, ...main), el("aside", { class: "side", "aria-label": "Facts" }, ...facts)));
  if (c.packets?.length) parts.push(section("packets", "Packets, byte by byte", panes(c)));
  if (c.commands?.length || c.counts.length) parts.push(section("commands", "Commands", ...commands(c)));
  if (c.capabilities.length) parts.push(section("capabilities", "Capabilities", matrix(c)));
  if (c.certificates.length) parts.push(section("certificates", "Certificates", el("div", { class: "facts" },
    ...c.certificates.map((list, index) => el("section", {}, el("h4", {}, index ? "Issuer " + index : "The server's"), pairs(list))))));
  const sheet = el("article", { class: "sheet card" },
    el("nav", { class: "crumbs", "aria-label": "Connections" },
      el("a", { href: listAddress() }, "← All connections"),
      el("span", {}, before ? el("a", { href: "#" + before, rel: "prev" }, "← Previous") : null, after ? el("a", { href: "#" + after, rel: "next" }, "Next →") : null)),
    el("header", {}, el("h2", { tabindex: "-1" }, `Connection ${c.id.slice(1)}`), el("span", { class: "tag " + c.outcome }, c.outcome),
      el("span", { class: "note" }, `${c.who}, ${c.client} to ${c.server}${c.product ? ", " + c.product : ""}, ${c.when}, for ${c.took}`)),
    el("p", { class: "story" }, c.story));
  // A finding says the same, and more.
  if (c.error && c.findings[0]?.[0] !== "error") sheet.append(el("p", { class: "failure" }, el("b", {}, c.error[0]), " ",
    el("span", { class: "note" }, `sent by the server in the ${c.error[1]} phase, `, ...frameLinks(c, [c.error[2]]))));
  if (c.findings.length) sheet.append(findings(c));
  const titled = [...main, ...parts].filter((part) => part.dataset?.title);
  if (titled.length > 1) sheet.append(el("nav", { class: "jump", "aria-label": "Parts of this page" }, ...titled.map((part) =>
    el("a", { href: `#${c.id}/${part.id.slice(5)}` }, part.dataset.title.split(",")[0]))));
  sheet.append(...parts);
  return sheet;
}
