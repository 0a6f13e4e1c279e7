
const FRESH_AFTER = 1500, FRESH_EVERY = 3000, UNSEEN_FOR = 60000;
let days = 7, ended = null, asked = 0, waiting = null, source = null, leaving = null;

function connect() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource("/dashboard/events");
  const on = (name, show) => source.addEventListener(name, (event) => show(JSON.parse(event.data)));
  on("now", (now) => { board.skew = Date.now() / 1000 - now; });
  on("running", (rows) => { board.running = rows; showRequests(); });
  on("finished", (rows) => { board.finished = rows; showRequests(); });
  on("notable", (events) => { happened.now = events; showHappened(); });
  on("backends", showBackends);
  on("counts", (counts) => {
    showCounts(counts);
    if (ended !== null && ended !== counts.ended) refreshSoon();
    ended = counts.ended;
  });
  source.onopen = () => state("live", "live");
  source.onerror = () => {
    const over = source.readyState === EventSource.CLOSED;
    state("lost", over ? "disconnected" : "connecting again");
    if (over) setTimeout(again, 3000);
  };
}

/** A refusal ends an event source for good: logged out, a new start of the proxy, too many pages. */
async function again() {
  if (document.hidden && !source) return;
  if (await refresh()) connect();
  else setTimeout(again, 5000);
}

/** Browsers open six connections to one host; pages that nobody sees must not hold them. */
function seen() {
  clearTimeout(leaving);
  if (document.hidden) {
    leaving = setTimeout(() => { source.close(); source = null; state("waiting", "paused"); }, UNSEEN_FOR);
  } else if (!source) {
    again();
  }
}

function state(is, text) {
  byId("connection").dataset.is = is;
  setText(byId("connection"), text);
}

/** Soon, but all that ends meanwhile is fetched at once. */
function refreshSoon() {
  if (waiting) return;
  waiting = setTimeout(() => { waiting = null; refresh(); }, Math.max(FRESH_AFTER, asked + FRESH_EVERY - Date.now()));
}

async function refresh() {
  asked = Date.now();
  const wanted = days;
  try {
    const answer = await fetch(`/dashboard/data?days=${wanted}`, { headers: { accept: "application/json" } });
    if (answer.status === 401) return void location.reload();
    if (!answer.ok) throw new Error(`the proxy answered ${answer.status}`);
    const { data } = await answer.json();
    if (wanted === days) showUsage(data);
    return true;
  } catch (error) {
    trouble(`The usage could not be fetched: ${error.message}. It is tried again.`);
    return false;
  }
}

function trouble(text) {
  byId("trouble").hidden = !text;
  setText(byId("trouble"), text);
}

function showUsage(data) {
  trouble("");
  usage.data = data;
  board.past = data.finished;
  happened.past = data.notable;
  setText(byId("period"), data.days === 1 ? "by hour, UTC" : `${pointName(data.from)} to ${pointName(data.to)}, days in UTC`);
  showTiles(data.totals);
  showCharts();
  showShares();
  showRequests();
  showHappened();
}

function showCharts() {
  if (!usage.data) return;
  showTokens(usage.data.series);
  showCost(usage.data.series);
}

function begin() {
  byId("ranges").addEventListener("change", (event) => { days = Number(event.target.value); refresh(); });
  byId("dimensions").addEventListener("change", (event) => { usage.by = event.target.value; if (usage.data) showShares(); });
  byId("more-requests").addEventListener("click", () => { board.all = !board.all; showRequests(); });
  byId("more-shares").addEventListener("click", () => { usage.all = !usage.all; showShares(); });
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) > 1) { width = entry.contentRect.width; showCharts(); }
  }).observe(byId("tokens-chart"));
  document.addEventListener("visibilitychange", seen);
  setInterval(showElapsed, 1000);
  refresh();
  connect();
}

begin();
