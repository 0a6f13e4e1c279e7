
const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const tokens = (count) => (count === null || count === undefined ? "–" : count < 10000 ? whole.format(count) : short.format(count));
const plural = (count, word) => `${whole.format(count)} ${word}${count === 1 ? "" : "s"}`;

/** Dollars; null is unknown, which is never the same as nothing. */
function dollars(amount) {
  if (amount === null || amount === undefined) return "unknown";
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "<$0.0001";
  if (amount < 0.01) return `$${Number(amount.toPrecision(2))}`;
  return `$${amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: amount < 1 ? 3 : 2 })}`;
}

/** Of several requests, of some of which nobody knows the price. */
function dollarsOf(row) {
  if (row.cost_usd === null || (row.cost_unknown && !row.cost_usd)) return "unknown";
  return dollars(row.cost_usd) + (row.cost_unknown ? " + unknown" : "");
}

function seconds(time) {
  if (time === null || time === undefined) return "–";
  if (time < 0.1) return `${Math.round(time * 1000)} ms`;
  if (time < 10) return `${time.toFixed(1)} s`;
  if (time < 120) return `${Math.round(time)} s`;
  return `${Math.floor(time / 60)} min ${Math.floor(time % 60)} s`;
}

function clockTime(time) {
  const date = new Date(time * 1000), today = new Date();
  const hour = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  if (date.toDateString() === today.toDateString()) return hour;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${hour.slice(0, 5)}`;
}

/** `2026-11-21` or `2026-11-21T08`, both UTC. */
function pointName(at) {
  if (at.includes("T")) return `${at.slice(11)}:00`;
  return new Date(`${at}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

const inputOf = (row) => row.input_tokens + row.cache_read_tokens + row.cache_write_tokens;
const percent = (part, all) => (all ? `${Math.round((100 * part) / all)}%` : "–");
const named = (row) => (row.served ? (row.backend ? `${row.backend}:${row.served}` : row.served) : "");
