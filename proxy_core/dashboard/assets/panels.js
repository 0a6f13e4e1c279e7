
const FEW_SHARES = matchMedia("(max-width: 48rem)").matches ? 5 : 8;
const KINDS = [
  ["loop", "Loops", "No answer ran in circles."],
  ["failover", "Failovers", "Every request was answered by the first backend it was sent to."],
  ["redaction", "Redactions", "No secret was found in a prompt."],
  ["cache", "Prompt-cache changes", "No conversation has changed its beginning since the start."],
];
const happened = { now: [], past: [] };
const usage = { data: null, by: "model", all: false };

function showTiles(totals) {
  const input = inputOf(totals);
  const lost = [[totals.failed, "failed"], [totals.refused, "refused"], [totals.cancelled, "cancelled"]].filter(([count]) => count);
  byId("tiles").replaceChildren(
    tile("Requests", whole.format(totals.requests), lost.map(([count, word]) => `${whole.format(count)} ${word}`).join(", ") || "none failed"),
    tile("Tokens in", tokens(input), totals.tokens_estimated ? `${plural(totals.tokens_estimated, "request")} estimated` : "as providers counted"),
    tile("Read from cache", percent(totals.cache_read_tokens, input), `${tokens(totals.cache_read_tokens)} tokens`),
    tile("Tokens out", tokens(totals.output_tokens), `${tokens(totals.reasoning_tokens)} of them reasoning`),
    costTile(totals));
}

function costTile(totals) {
  const known = totals.cost_usd !== null && (totals.cost_usd > 0 || !totals.cost_unknown);
  const unknown = totals.cost_unknown ? `no price known for ${plural(totals.cost_unknown, "request")}` : "";
  return tile("Cost", known ? dollars(totals.cost_usd) : "unknown", unknown || "all prices known");
}

function tile(name, value, more) {
  return make("div", { class: "tile" }, make("dt", {}, name), make("dd", {}, value), make("dd", {}, more));
}

function showShares() {
  const rows = usage.data.by[usage.by];
  const title = usage.by[0].toUpperCase() + usage.by.slice(1);
  setText(byId("share-name"), title);
  setText(byId("shares").caption, `Usage by ${usage.by}, those with the most tokens first`);
  const most = Math.max(1, ...rows.map((row) => row.total_tokens));
  const shown = usage.all ? rows : rows.slice(0, FEW_SHARES);
  byId("shares").tBodies[0].replaceChildren(...shown.map((row) => shareRow(row, most)));
  byId("shares").hidden = !rows.length;
  byId("no-shares").hidden = rows.length > 0;
  moreButton("more-shares", usage.all, rows.length, FEW_SHARES, `${usage.by}s`);
}

function shareRow(row, most) {
  const cell = (label, text, look = "number") => make("td", { role: "cell", class: look, "data-label": label }, text);
  const bar = draw("svg", { class: "share", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { width: 100, height: 4 }), draw("rect", { width: (100 * row.total_tokens) / most, height: 4 }));
  const cost = dollarsOf(row);
  return make("tr", { role: "row" },
    make("td", { role: "cell", class: "name wide" }, row.name || make("span", { class: "unknown" }, "none"), bar),
    cell("Requests", whole.format(row.requests)),
    cell("Failed", row.failed + row.refused ? whole.format(row.failed + row.refused) : "–"),
    cell("Tokens in", tokens(inputOf(row))),
    cell("From cache", percent(row.cache_read_tokens, inputOf(row))),
    cell("Tokens out", tokens(row.output_tokens)),
    cell("Cost", cost, cost === "unknown" ? "number unknown" : "number"));
}

function showBackends(rows) {
  const usable = rows.filter((row) => row.usable), others = rows.filter((row) => !row.usable);
  byId("backends").replaceChildren(...usable.map(backendCard));
  setText(byId("unused"), others.length ? `without a key: ${others.map((row) => row.name).join(", ")}` : "");
}

function backendCard(row) {
  const models = row.models === null ? "models not known yet" : plural(row.models, "model");
  return make("li", { class: "panel" },
    make("div", { class: "title" }, make("b", {}, row.name, row.default ? make("span", { class: "about" }, " default") : null), health(row)),
    make("p", {}, `${row.protocol.replace("_", " ")}, ${models}`),
    row.error ? make("p", {}, row.error) : null,
    row.keys.length ? make("ul", { class: "keys", "aria-label": `Keys of ${row.name}` }, ...row.keys.map(keyItem)) : null);
}

function health(row) {
  if (!row.reachable) return badge("failed", "down");
  if (row.keys.some((key) => key.rests.length)) return badge("waiting", "keys at rest");
  return row.status === "failing" ? badge("waiting", "no model list") : badge("done", "ready");
}

function keyItem(key) {
  if (!key.rests.length) return make("li", {}, make("code", {}, key.key), " ready");
  const rests = key.rests.map((rest) =>
    `${rest.model || "all models"}: ${told(rest.why)}, until ${clockTime(rest.until)}`).join("; ");
  return make("li", { class: "rests" }, make("code", {}, key.key), ` rests. ${rests}`);
}

function showHappened() {
  const known = new Map([...happened.past, ...happened.now].map((event) => [`${event.kind} ${event.id}`, event]));
  const events = [...known.values()].sort((a, b) => b.time - a.time);
  byId("happened").replaceChildren(...KINDS.map(([kind, title, none]) =>
    eventList(kind, title, none, events.filter((event) => event.kind === kind))));
}

function eventList(kind, title, none, events) {
  const id = `happened-${kind}`;
  return make("section", { class: "panel", "aria-labelledby": id },
    make("h3", { id }, title, make("span", {}, events.length ? whole.format(events.length) : "")),
    events.length ? make("ol", { tabindex: 0, "aria-labelledby": id }, ...events.map(eventItem)) : make("p", { class: "empty" }, none));
}

function eventItem(event) {
  const where = [event.agent, event.session && `session ${cropped(event.session, 26)}`].filter(Boolean).join(", ");
  return make("li", {}, ...SAID[event.kind](event),
    make("span", { class: "sub-line" }, [clockTime(event.time), where].filter(Boolean).join(", ")));
}

function tryLine(attempt) {
  const what = attempt.fault || attempt.outcome;
  return make("span", {}, `${attempt.backend}:${attempt.model} ${attempt.key || ""} `, make("em", { "data-is": what }, told(what)));
}

const SAID = {
  loop: (event) => [`${named(event) || event.asked}: ${event.text}`],
  failover: (event) => [`${event.asked} went to`, make("span", { class: "steps" }, ...event.tries.map(tryLine))],
  redaction: (event) => Object.entries(event.rules).map(([rule, count]) => make("span", { class: "rule" }, `${rule} × ${count}`)),
  cache: (event) => [`${named(event) || event.asked}: the prompt's beginning changed at `, make("code", {}, event.block),
    `; about ${tokens(event.tokens)} cached tokens are lost`],
};
