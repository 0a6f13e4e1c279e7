
const TOKEN_LAYERS = [
  { key: "input_tokens", name: "input", look: "fill-input" },
  { key: "cache_write_tokens", name: "written to cache", look: "fill-write" },
  { key: "cache_read_tokens", name: "read from cache", look: "fill-read" },
  { key: "output_tokens", name: "output", look: "fill-output" },
];
const COST_LAYERS = [{ key: "cost_usd", name: "known cost", look: "fill-cost" }];
const CHART = { left: 48, right: 4, top: 14, bottom: 22 };

function showTokens(series) {
  const used = TOKEN_LAYERS.filter((layer) => series.some((point) => point[layer.key]));
  const total = series.reduce((sum, point) => sum + point.total_tokens, 0);
  const busiest = series.reduce((most, point) => (point.total_tokens > most.total_tokens ? point : most), series[0]);
  showChart("tokens", series, used.length ? used : [TOKEN_LAYERS[0], TOKEN_LAYERS[3]], {
    format: tokens,
    describe: (point) => `${pointName(point.at)}: ` +
      used.map((layer) => `${tokens(point[layer.key])} ${layer.name}`).join(", "),
    summary: total ? `Bar chart. ${tokens(total)} tokens in all; most, ${tokens(busiest.total_tokens)}, at ${pointName(busiest.at)}.`
      : "Bar chart. No tokens were used.",
    nothing: total ? "" : "No tokens were used",
  });
}

function showCost(series) {
  const unknown = series.reduce((sum, point) => sum + point.cost_unknown, 0);
  const total = series.reduce((sum, point) => sum + (point.cost_usd || 0), 0);
  const known = total > 0 || !unknown;
  showChart("cost", series, COST_LAYERS, {
    format: dollars,
    describe: (point) => `${pointName(point.at)}: ${dollarsOf(point)}` +
      (point.cost_unknown ? ` (${plural(point.cost_unknown, "request")} of unknown price)` : ""),
    summary: `Bar chart. ${known ? `${dollars(total)} in all` : "Cost unknown"}` +
      (unknown ? `; ${plural(unknown, "request")} of unknown price.` : "."),
    nothing: !known ? `Unknown: no price is known for ${plural(unknown, "request")}` : total ? "" : "Nothing was spent",
    mark: (point) => (point.cost_unknown ? "?" : ""),
  });
  byId("cost-legend").append(unknown ? make("span", {}, "? some prices unknown") : "");
}

function showChart(id, series, layers, about) {
  byId(`${id}-legend`).replaceChildren(...layers.map((layer) =>
    make("span", {}, make("i", { class: `swatch ${layer.look}` }), layer.name)));
  setText(byId(`${id}-read`), "");
  const place = byId(`${id}-chart`);
  place.replaceChildren(chart(place.clientWidth, place.clientHeight, series, layers, about,
    (point) => setText(byId(`${id}-read`), about.describe(point))));
  const rows = series.filter((point) => point.requests).map((point) =>
    [pointName(point.at), ...layers.map((layer) => (layer.key === "cost_usd" ? dollarsOf(point) : about.format(point[layer.key])))]);
  byId(`${id}-table`).replaceChildren(tableOf(about.summary, ["UTC", ...layers.map((layer) => layer.name)], rows));
}

function chart(width, height, series, layers, about, onPoint) {
  const { left, right, top, bottom } = CHART;
  const plot = { left, top, width: Math.max(width - left - right, 50), height: height - top - bottom };
  const sum = (point) => layers.reduce((all, layer) => all + (point[layer.key] || 0), 0);
  const most = niceTop(Math.max(...series.map(sum)));
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": about.summary });
  svg.append(...gridOf(plot, about.nothing ? 0 : most, about.format));
  series.forEach((point, index) => svg.append(columnOf(point, index, series.length, plot, most, layers, about, onPoint)));
  svg.append(...timesOf(series, plot, height));
  if (about.nothing) {
    svg.append(draw("text", { class: "none", x: plot.left + plot.width / 2, y: top + plot.height / 2, "text-anchor": "middle" }, about.nothing));
  }
  return svg;
}

function columnOf(point, index, count, plot, most, layers, about, onPoint) {
  const step = plot.width / count, x = plot.left + index * step;
  const thick = Math.max(1, Math.min(step - 2, 34));
  const group = draw("g", { class: "column" },
    draw("rect", { class: "behind", x, y: plot.top, width: step, height: plot.height }));
  let y = plot.top + plot.height;
  for (const layer of layers) {
    const tall = most ? ((point[layer.key] || 0) / most) * plot.height : 0;
    if (tall <= 0) continue;
    y -= tall;
    group.append(draw("rect", { class: layer.look, x: x + (step - thick) / 2, y, width: thick, height: Math.max(tall, 0.75) }));
  }
  const mark = about.mark && about.mark(point);
  if (mark && !about.nothing) group.append(draw("text", { x: x + step / 2, y: y - 4, "text-anchor": "middle" }, mark));
  group.addEventListener("pointerenter", () => onPoint(point));
  return group;
}

function gridOf(plot, most, format) {
  const parts = [draw("line", { class: "base", x1: plot.left, x2: plot.left + plot.width, y1: plot.top + plot.height, y2: plot.top + plot.height })];
  for (const part of most ? [0.5, 1] : []) {
    const y = plot.top + plot.height * (1 - part);
    parts.push(draw("line", { class: "grid", x1: plot.left, x2: plot.left + plot.width, y1: y, y2: y }),
      draw("text", { x: plot.left - 6, y: y + 4, "text-anchor": "end" }, format(most * part)));
  }
  return parts;
}

function timesOf(series, plot, height) {
  const room = Math.max(1, Math.floor(plot.width / 58));
  const every = Math.ceil(series.length / room), step = plot.width / series.length;
  return series.map((point, index) => (index % every ? null :
    draw("text", { x: plot.left + (index + 0.5) * step, y: height - 5, "text-anchor": "middle" }, pointName(point.at)))).filter(Boolean);
}

/** The next number that reads well and halves well. */
function niceTop(value) {
  if (!value) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].find((digit) => digit * power >= value) * power;
}
