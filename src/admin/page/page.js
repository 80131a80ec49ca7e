// The page of the admin listener: asks every two seconds how the gateway stands, and shows it.
// What a policy, a request or an event says gets into the page as text, never as markup.

/** Between two looks; what a look may take, and what a reload or a trace may. */
const [EVERY_MS, LOOK_MS, ACT_MS] = [2000, 5000, 60_000];
/** Looks that are kept: the curve is two minutes, rates are over ten seconds. */
const [LOOKS_MAX, RATE_LOOKS] = [61, 6];
/** Rows that are shown of what may be long. */
const [ROUTES_MAX, EVENTS_MAX] = [300, 200];

const by = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const count = (number) => (number == null ? "–" : whole.format(number));
const perSecond = (number) => (number == null ? "–" : number === 0 || number >= 100 ? whole.format(number) : tenths.format(number));
const share = (part) => (part == null ? "–" : `${tenths.format(part * 100)} %`);
const badge = (text, tone) => ({ badge: text, tone });

function millis(number) {
  if (number == null) return "–";
  if (number >= 10_000) return `${tenths.format(number / 1000)} s`;
  return `${number >= 100 ? whole.format(number) : number.toFixed(number >= 10 ? 1 : 2)} ms`;
}

function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; number >= 1024 && at < units.length - 1; at += 1) number /= 1024;
  return `${at === 0 ? number : tenths.format(number)} ${units[at]}`;
}

function since(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

// What is on the page

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function write(id, text) {
  const node = by(id);
  if (node.textContent !== text) node.textContent = text;
}

/** What stands in each cell, so that nothing is touched that stays: what is read aloud or has the focus is left in peace. */
const stands = new WeakMap();

/** Puts text, or `{badge}`, `{time}`, `{code, what}` or `{buttons}`, into a cell. */
function put(node, content) {
  const sign = JSON.stringify(content);
  if (stands.get(node) === sign) return;
  stands.set(node, sign);
  const focused = node.contains(document.activeElement);
  node.replaceChildren(...drawn(content));
  if (focused) node.querySelector("button")?.focus();
}

function drawn(content) {
  if (typeof content !== "object") return content === "" ? [] : [String(content)];
  if ("badge" in content) return [element("span", { className: `badge ${content.tone ?? ""}` }, content.badge)];
  if ("time" in content) {
    const at = new Date(content.time);
    const today = at.toDateString() === new Date().toDateString();
    return [element("time", { dateTime: content.time }, today ? at.toLocaleTimeString("en-GB") : at.toLocaleString("en-GB"))];
  }
  if ("code" in content) return [content.code, content.what ? element("span", { className: "what" }, content.what) : ""];
  return content.buttons.map(([label, of, act]) => {
    const button = element("button", { type: "button", onclick: act }, label);
    button.setAttribute("aria-label", `${label} ${of}`);
    return button;
  });
}

const tables = new Map();

/** Makes the rows of a table those given, each `[key, ...cells]`; rows that stay stay where they are. */
function fill(id, rows) {
  const body = by(id);
  const table = body.parentElement;
  const columns = [...table.tHead.rows[0].cells];
  const known = tables.get(id) ?? new Map();
  tables.set(id, known);
  const wanted = new Set(rows.map(([key]) => key));
  for (const [key, row] of known) {
    if (wanted.has(key)) continue;
    row.remove();
    known.delete(key);
  }
  rows.forEach(([key, ...cells], at) => {
    if (!known.has(key)) known.set(key, element("tr", {}, ...columns.map(cell)));
    const row = known.get(key);
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
    cells.forEach((content, column) => put(row.cells[column], content));
  });
  table.hidden = rows.length === 0;
  const none = by(`${id}-none`);
  if (none) none.hidden = rows.length > 0;
}

function cell({ className, textContent }, at) {
  const made = at === 0 ? element("th", { scope: "row", className }) : element("td", { className });
  made.dataset.label = textContent;
  return made;
}

function facts(id, pairs) {
  const list = by(id);
  pairs.forEach(([name, text], at) => {
    const pair = list.children[at] ?? list.appendChild(element("div", {}, element("dt"), element("dd")));
    put(pair.firstChild, name);
    put(pair.lastChild, text);
  });
  while (list.children.length > pairs.length) list.lastChild.remove();
}

/** Says something once, to the eye and to screen readers: these hear of what stands there all the time, and changes. */
function say(text, { bad = false, diagnostics = "" } = {}) {
  const said = by("said");
  said.hidden = text === "";
  said.className = bad ? "said bad" : "said";
  write("said", text);
  write("heard", text);
  by("diagnostics").hidden = diagnostics === "";
  write("diagnostics", diagnostics);
}

// What the gateway says

async function ask(path, { method = "GET", patience = LOOK_MS } = {}) {
  const reply = await fetch(path, { method, cache: "no-store", signal: AbortSignal.timeout(patience) }).catch(() => null);
  const told = await reply?.json().catch(() => null);
  if (reply?.ok && told !== null) return told;
  const detail = reply === null ? "the gateway cannot be reached" : told?.detail ?? `the gateway answers ${reply.status}`;
  throw Object.assign(new Error(detail), { told: true, diagnostics: told?.diagnostics ?? "" });
}

/** Looks that are kept, oldest first: when, and what was counted. */
let looks = [];
let shown = { routes: {}, metrics: null, process: null, generation: null };
let events = [];
let reachable = true;

/** How fast something counted grows; nothing before the second look. */
function rate(counted) {
  const [first, last] = [looks.at(-RATE_LOOKS) ?? looks[0], looks.at(-1)];
  if (first === undefined || first === last) return null;
  return Math.max(0, (counted(last.metrics) ?? 0) - (counted(first.metrics) ?? 0)) / ((last.at - first.at) / 1000);
}

const total = (metrics, what) => Object.values(metrics.routes).reduce((sum, route) => sum + route[what], 0);

let looking = null;
/** One look at a time. */
const look = () => (looking ??= looked().finally(() => (looking = null)));

async function looked() {
  const latest = events.at(-1)?.number ?? 0;
  const names = ["status", "metrics", "upstreams", "limits", "cache", "maintenance", "flags", `events?since=${latest}`];
  const [status, metrics, upstreams, limits, cache, maintenance, flags, told] = await Promise.all(names.map((name) => ask(`/admin/${name}`)));
  if (shown.process !== null && shown.process !== status.process) {
    // Another process has taken over, and counts anew.
    [looks, events, shown.process] = [[], [], null];
    return looked();
  }
  if (shown.generation !== status.generation || shown.process !== status.process) shown.routes = await ask("/admin/routes");
  const first = shown.metrics === null;
  shown = { ...shown, metrics, process: status.process, generation: status.generation };
  const at = performance.now();
  if (looks.length === 0 || at - looks.at(-1).at > EVERY_MS / 2) looks = [...looks, { at, metrics }].slice(-LOOKS_MAX);
  showStatus(status);
  showTraffic(status, metrics);
  showRoutes();
  showUpstreams(upstreams, metrics);
  showLimits(limits);
  showCache(cache, metrics.cache);
  showSwitches(maintenance, flags);
  if (told.events.length > 0) showEvents(told.events, first);
}

function showStatus(status) {
  put(by("state"), status.state);
  by("state").className = `badge ${status.state === "serving" ? "good" : "warn"}`;
  document.title = `${status.policy.split("/").at(-1)} · Gatewright`;
  const listeners = status.listeners.map(({ name, address, tls }) => `${name === address ? "" : `${name} `}${address}${tls ? " (TLS)" : ""}`);
  const stores = Object.entries(status.stores).map(([name, { up }]) => `${name} ${up ? "up" : "down"}`);
  const pairs = [["Policy", status.policy], ["Generation", count(status.generation)], ["Listens at", listeners.join(", ")]];
  facts("facts", [...pairs, ["Up for", since(status.uptime_s)], ...(stores.length ? [["Stores", stores.join(", ")]] : []), ["Version", status.version]]);
}

function showTraffic(status, metrics) {
  const requests = rate((metrics) => total(metrics, "requests"));
  const errors = rate((metrics) => total(metrics, "errors"));
  write("rate", perSecond(requests));
  write("errors", requests ? share(errors / requests) : "–");
  write("errors-note", errors == null ? "of the replies" : `${perSecond(errors)} a second`);
  const routes = Object.entries(metrics.routes).filter(([, route]) => route.last_minute.p95_ms != null);
  const slowest = routes.sort(([, one], [, other]) => other.last_minute.p95_ms - one.last_minute.p95_ms)[0];
  write("slowest", millis(slowest?.[1].last_minute.p95_ms));
  write("slowest-note", slowest ? `p95 of ${routeName(slowest[0])}` : "no request in the last minute");
  write("connections", count(status.connections.open));
  write("connections-note", `of ${count(status.connections.most)} at most`);
  write("hits", share(metrics.cache.hit_rate));
  write("hits-note", metrics.cache.hit_rate == null ? "nothing was looked up" : `of ${count(metrics.cache.hits + metrics.cache.misses)} looked up`);
  const late = metrics.workers.map((worker) => worker.delay_p99_ms).filter((delay) => delay != null);
  write("late", millis(late.length ? Math.max(...late) : null));
  write("late-note", `p99 of ${count(status.workers)} ${status.workers === 1 ? "worker" : "workers"}`);
  showCurve();
}

function showCurve() {
  const sums = looks.map(({ at, metrics }) => ({ at, sum: total(metrics, "requests") }));
  const rates = sums.slice(1).map(({ at, sum }, before) => (sum - sums[before].sum) / ((at - sums[before].at) / 1000));
  const most = Math.max(1, ...rates);
  const x = (at) => 240 - (rates.length - 1 - at) * (240 / (LOOKS_MAX - 2));
  const points = rates.map((rate, at) => `${x(at).toFixed(1)},${(46 - (Math.max(0, rate) / most) * 44).toFixed(1)}`).join(" ");
  by("curve").querySelector("polyline").setAttribute("points", points);
  by("curve").querySelector("polygon").setAttribute("points", rates.length ? `${x(0).toFixed(1)},48 ${points} 240,48` : "");
}

/** Requests that no route takes are counted under a name that no route can have. */
const routeName = (name) => (name === "_none" ? "(no route)" : name === "_other" ? "(earlier routes)" : name);

const failed = (errors) => (errors > 0 ? badge(count(errors), "bad") : "0");
const quantiles = (minute) => ["p50_ms", "p95_ms", "p99_ms"].map((of) => millis(minute?.[of]));
const found = (route, text) => Object.values(route).join(" ").toLowerCase().includes(text);

function showRoutes() {
  const { routes, metrics } = shown;
  const text = by("search").value.trim().toLowerCase();
  const matching = Object.values(routes).filter((route) => found(route, text));
  const row = (name, matches, target) => {
    const { requests = 0, errors = 0, last_minute: minute } = metrics?.routes[name] ?? {};
    const speed = rate((metrics) => metrics.routes[name]?.requests);
    return [name, routeName(name), matches, target, perSecond(speed), count(requests), failed(errors), ...quantiles(minute)];
  };
  const rows = matching.slice(0, ROUTES_MAX).map(({ route, methods, host, path, target }) =>
    row(route, `${methods} ${host === "*" ? "" : host}${path}`, target));
  if (text === "" && metrics?.routes._none) rows.push(row("_none", "", "404"));
  fill("routes-rows", rows);
  const more = matching.length - ROUTES_MAX;
  write("routes-more", more > 0 ? `${count(more)} more are not shown: search narrows them down.` : "");
  const sign = JSON.stringify(matching);
  if (stands.get(by("tree")) === sign) return;
  stands.set(by("tree"), sign);
  by("tree").replaceChildren(...branches(tree(matching.slice(0, ROUTES_MAX))));
}

/** Routes by host, then by the segments of their paths. */
function tree(routes) {
  const empty = () => ({ below: new Map(), leaves: [] });
  const root = empty();
  for (const route of routes) {
    let node = root;
    const segments = route.path.split("/").slice(1).map((segment) => `/${segment}`);
    for (const step of [route.host === "*" ? "any host" : route.host, ...segments]) {
      if (!node.below.has(step)) node.below.set(step, empty());
      node = node.below.get(step);
    }
    node.leaves.push(route);
  }
  return root;
}

function branches({ below, leaves }) {
  const ends = leaves.map(({ methods, route, target }) => element("li", { className: "leaf" }, element("code", {}, methods), ` ${route} ${target}`));
  const further = [...below].map(([step, node]) => element("li", {}, element("code", {}, step), element("ul", {}, ...branches(node))));
  return [...ends, ...further];
}

function showUpstreams(upstreams, metrics) {
  const all = Object.entries(upstreams);
  fill("upstreams-rows", all.map(([name, { healthy, targets }]) => {
    const { requests = 0, errors = 0, retries = 0, failures = {}, last_minute: minute } = metrics.upstreams[name] ?? {};
    const health = badge(`${healthy} of ${targets.length} healthy`, healthy === targets.length ? "good" : healthy > 0 ? "warn" : "bad");
    const reasons = Object.entries(failures).filter(([, number]) => number > 0).map(([reason, number]) => `${reason} ${count(number)}`);
    const speed = rate((metrics) => metrics.upstreams[name]?.requests);
    return [name, name, health, perSecond(speed), count(requests), failed(errors), count(retries), ...quantiles(minute), reasons.join(", ") || "none"];
  }));
  fill("targets-rows", all.flatMap(([name, { targets }]) => targets.map(({ target, state, in_flight: flying, latency_us: latency, weight, backup }, at) =>
    [`${name} ${at}`, target, name, badge(state, { up: "good", down: "bad", ejected: "warn", unresolved: "bad" }[state]), count(flying), latency ? millis(latency / 1000) : "–",
      backup ? `${weight}, backup` : count(weight)])));
  const breakers = all.filter(([, { breaker }]) => breaker !== null);
  fill("breakers-rows", breakers.map(([name, { breaker: { state, by_hand: hand, failures } }]) => {
    const text = `${state.replace("_", " ")}${hand ? ", by hand" : ""}`;
    const [path, whose] = [`/admin/breakers/${encodeURIComponent(name)}`, `the breaker of ${name}`];
    const warning = `Requests to ${name} are refused until it is closed by hand.`;
    const open = ["Open…", whose, confirmed("Open the breaker?", warning, "Open", `${path}/open`, `The breaker of ${name} is open.`)];
    const close = ["Close", whose, () => act(`${path}/close`, `The breaker of ${name} is closed.`)];
    return [name, name, badge(text, { closed: "good", half_open: "warn", open: "bad" }[state]), count(failures), count(metrics.breakers[name]?.trips ?? 0),
      { buttons: [state === "closed" ? open : close] }];
  }));
}

function showLimits(limits) {
  fill("limits-rows", Object.entries(limits).map(([name, { allowed, rejected, keys }]) =>
    [name, name, count(allowed), count(rejected), perSecond(rate((metrics) => metrics.limits[name]?.rejected)), count(keys)]));
}

function showCache(cache, { hits, misses }) {
  const there = cache.caches > 0;
  by("cache-none").hidden = there;
  by("purge").hidden = !there;
  facts("cache-facts", there ? [["Responses", count(cache.entries)], ["Memory", `${bytes(cache.bytes)} of ${bytes(cache.bytes_most)}`],
    ["Hits", count(hits)], ["Misses", count(misses)], ["Evicted", count(cache.evicted)]] : []);
}

function showSwitches(maintenance, flags) {
  const turn = (path, to, says) => () => act(`${path}on=${to}`, says);
  const closing = Object.entries(maintenance).map(([name, { on, by_hand: hand }]) => {
    const [path, what] = [`/admin/maintenance?route=${encodeURIComponent(name)}&`, `route ${name}`];
    const warning = `Requests to ${name} are answered with 503 until it is opened.`;
    const close = ["Close…", what, confirmed("Close the route?", warning, "Close", `${path}on=true`, `Route ${name} is closed.`)];
    const open = ["Open", what, turn(path, "false", `Route ${name} is open.`)];
    const leave = ["As its file", what, turn(path, "file", `Route ${name} is as its file says.`)];
    const state = badge(`${on ? "closed" : "open"}${hand ? ", by hand" : ""}`, on ? "warn" : "good");
    return [what, name, "route", state, { buttons: [on ? open : close, ...(hand ? [leave] : [])] }];
  });
  const turning = Object.entries(flags).map(([name, { on, declared }]) => {
    const path = `/admin/flags/${encodeURIComponent(name)}?`;
    const buttons = [["On", "true"], ["Off", "false"]].filter(([label]) => label.toLowerCase() !== on).map(([label, to]) =>
      [label, `flag ${name}`, turn(path, to, `Flag ${name} is ${label.toLowerCase()}.`)]);
    if (on !== declared) buttons.push([`As declared`, `flag ${name}`, turn(path, "declared", `Flag ${name} is as it is declared: ${declared}.`)]);
    return [`flag ${name}`, name, "flag", badge(on, on === "on" ? "good" : ""), { buttons }];
  });
  fill("switches-rows", [...closing, ...turning]);
}

function showEvents(fresh, first) {
  events = [...events, ...fresh].slice(-EVENTS_MAX);
  const kinds = new Set([...by("kind").options].map((option) => option.value));
  for (const { event } of events) {
    if (kinds.has(event)) continue;
    kinds.add(event);
    by("kind").append(element("option", { value: event }, event));
  }
  listEvents();
  const { change, subject } = fresh.at(-1);
  if (!first) write("heard", `${change.replaceAll("_", " ")}: ${subject}`);
}

const FAULTS = /refused|down|ejected|unresolved|panic|opened|missing|failed/;

function listEvents() {
  const kind = by("kind").value;
  const wanted = events.filter(({ event }) => kind === "" || event === kind).reverse();
  fill("events-rows", wanted.map(({ number, at, change, subject, detail }) =>
    [number, { time: at }, badge(change.replaceAll("_", " "), FAULTS.test(change) && !change.includes("half") ? "bad" : ""), subject, detail]));
}

// What is turned by hand

async function act(path, says) {
  try {
    const told = await ask(path, { method: "POST", patience: ACT_MS });
    say(typeof says === "function" ? says(told) : says);
    await looking?.catch(() => null);
    await look();
  } catch (error) {
    say(sentence(error.message), { bad: true, diagnostics: error.diagnostics });
  }
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** An act that is asked about first. */
function confirmed(title, text, label, path, says) {
  return () => {
    write("confirm-title", title);
    write("confirm-text", text);
    write("confirm-yes", label);
    by("confirm-yes").onclick = () => {
      by("confirm").close();
      act(path, says);
    };
    by("confirm").showModal();
  };
}

const reloaded = ({ generation, changes }) =>
  `Generation ${generation} is in force. It changes ${changes.length ? changes.join("; ") : "nothing for requests"}.`;

by("confirm-no").onclick = () => by("confirm").close();
const reloading = "Its file is put in force as it is now. If anything is wrong with it, the policy in force stays.";
by("reload").onclick = confirmed("Reload the policy?", reloading, "Reload", "/admin/reload", reloaded);
const purging = "All responses that are kept are dropped, and upstreams are asked for them again.";
by("purge").onclick = confirmed("Purge the cache?", purging, "Purge", "/admin/cache/purge", ({ purged }) => `Responses dropped: ${count(purged)}.`);
by("search").oninput = showRoutes;
by("kind").onchange = listEvents;

// What would become of a request

by("trace-form").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const given = [...new FormData(submitted.target)].filter(([, text]) => text !== "");
  const query = given.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&");
  try {
    showTrace(await ask(`/admin/trace?${query}`, { method: "POST", patience: ACT_MS }));
  } catch (error) {
    showTrace(null, sentence(error.message));
  }
};

function showTrace(trace, wrong = "") {
  by("trace-result").hidden = false;
  const { route, status, upstream, attempts, stages, sent, rivals } = trace ?? { stages: [], rivals: [] };
  const tries = attempts > 1 ? ` after ${attempts} attempts` : "";
  const parts = [status ?? "no answer", route ? `by route ${route}` : "no route takes it", ...(upstream ? [`from upstream ${upstream}${tries}`] : [])];
  write("trace-verdict", trace ? parts.join(", ") : wrong);
  write("heard", by("trace-verdict").textContent);
  fill("stages-rows", stages.map(({ stage, verdict, statement, detail, place }, at) =>
    [at, stage, badge(verdict.replace("_", " "), { pass: "good", answer: "good", refuse: "bad" }[verdict]), { code: statement, what: detail }, place ?? ""]));
  by("sent").hidden = !sent;
  write("sent-text", sent ? [`${sent.method} ${sent.path}`, ...Object.entries(sent.headers).map(([name, value]) => `${name}: ${value}`)].join("\n") : "");
  by("rivals").hidden = rivals.length === 0;
  fill("rivals-rows", rivals.map(({ route, why, place }) => [route, route, why, place]));
}

// Looking again and again, while somebody looks

let again;

async function watch() {
  clearTimeout(again);
  try {
    await look();
    if (!reachable) say("The gateway can be reached again.");
    reachable = true;
  } catch (error) {
    if (!error.told) console.error(error);
    const from = `The figures are those of ${new Date().toLocaleTimeString("en-GB")}; it is asked again every two seconds.`;
    if (reachable) say(`${sentence(error.message)} ${from}`, { bad: true });
    put(by("state"), "not reached");
    by("state").className = "badge bad";
    reachable = false;
  }
  document.body.classList.toggle("stale", !reachable);
  clearTimeout(again);
  if (!document.hidden) again = setTimeout(watch, EVERY_MS);
}

document.onvisibilitychange = () => (document.hidden ? clearTimeout(again) : watch());
watch();
