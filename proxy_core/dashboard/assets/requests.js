
const ICONS = {
  waiting: "M8 4v4l2.5 1.5M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13", streaming: null, done: "M3 8.5l3.5 3.5L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8", refused: "M3.5 3.5l9 9M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13",
  cut: "M3 8h4M9 8h4M8 3v10", cancelled: "M4 8h8",
};
const FEW_REQUESTS = matchMedia("(max-width: 48rem)").matches ? 4 : 8;
const board = { running: [], finished: [], past: [], rows: new Map(), all: false, skew: 0 };

function badge(state, text = state) {
  const icon = draw("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    ICONS[state] ? draw("path", { d: ICONS[state] }) : draw("circle", { cx: 8, cy: 8, r: 4, fill: "currentColor" }));
  return make("span", { class: "state", "data-is": state }, icon, text);
}

/** Under way first, then what is over by the time it began; what this start has seen and what the database knows. */
function showRequests() {
  const over = new Map([...board.past, ...board.finished].map((row) => [row.id, row]));
  for (const row of board.running) over.delete(row.id);
  const finished = [...over.values()].sort((a, b) => b.time - a.time);
  const all = [...board.running, ...finished];
  const shown = board.all ? all : all.slice(0, Math.max(FEW_REQUESTS, board.running.length));
  const body = byId("requests").tBodies[0];
  keepRows(body, shown);
  byId("no-requests").hidden = all.length > 0;
  byId("requests").hidden = !all.length;
  moreButton("more-requests", board.all, all.length, FEW_REQUESTS, "requests");
}

/** Rows stay the same elements while their request lives, so that nobody loses a place or a selection. */
function keepRows(body, shown) {
  const kept = new Map();
  shown.forEach((request, index) => {
    const known = board.rows.get(request.id);
    const told = JSON.stringify(request);
    const row = known && known.told === told ? known : { told, request, node: requestRow(request) };
    if (known && known !== row) known.node.replaceWith(row.node);
    if (body.children[index] !== row.node) body.insertBefore(row.node, body.children[index] || null);
    kept.set(request.id, row);
  });
  while (body.children.length > shown.length) body.lastChild.remove();
  board.rows = kept;
  showElapsed();
}

function requestRow(request) {
  const cell = (label, look, ...children) => make("td", { role: "cell", class: look, "data-label": label }, ...children);
  const client = [request.agent, request.project].filter(Boolean).join(", ");
  return make("tr", { role: "row" },
    cell("State", "bare", badge(request.state, request.local ? "answered here" : request.state),
      request.fault ? make("span", { class: "sub-line" }, told(request.fault) + (request.status ? ` (${request.status})` : "")) : null),
    cell("Model", "name wide", ...modelNames(request)),
    cell("Backend", "two", request.backend || "–", request.attempts > 1 ? make("span", { class: "sub-line" }, plural(request.attempts, "attempt")) : null),
    cell("Client", "two name", client || "–",
      request.session ? make("span", { class: "sub-line", title: request.session }, `session ${cropped(request.session, 26)}`) : null),
    cell("Tokens in", "number", tokens(request.input)),
    cell("Tokens out", "number", (request.estimated && request.output ? "≈ " : "") + tokens(request.output)),
    cell("Cost", `number${request.counted && request.cost === null ? " unknown" : ""}`, request.counted ? dollars(request.cost) : "–"),
    cell("Time", "number elapsed", seconds(request.duration)),
    cell("Begun", "number about begun", clockTime(request.time)));
}

function modelNames(request) {
  const served = named(request), asked = request.asked || "(none named)";
  if (!request.served || asked === served || asked === request.served || asked === served.replace(":", "/")) return [asked];
  return [asked, make("span", { class: "sub-line" }, make("span", { class: "arrow", "aria-label": "served by" }, "→ "), served)];
}

const told = (kind) => kind.replaceAll("_", " ");
const cropped = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function showElapsed() {
  const now = Date.now() / 1000 - board.skew;
  for (const { request, node } of board.rows.values()) {
    if (request.duration === undefined) setText(node.querySelector(".elapsed"), seconds(Math.max(0, now - request.time)));
  }
}

function showCounts(counts) {
  setText(byId("live-count"), `${counts.live ? `${counts.live} under way` : "none under way"}, ${plural(counts.ended, "request")} since the start`);
  document.title = counts.live ? `(${counts.live}) Parley` : "Parley";
  announce(`${plural(counts.live, "request")} under way, ${whole.format(counts.ended)} over since the start.`);
}

function moreButton(id, all, count, few, what) {
  const button = byId(id);
  button.hidden = count <= few;
  button.setAttribute("aria-expanded", String(all));
  setText(button, all ? "Show fewer" : `Show all ${count} ${what}`);
}
