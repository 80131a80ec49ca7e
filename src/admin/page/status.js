// The head of the page: what runs, and what came of the last reload; and the figures of the gateway as a whole.

import { by, curve, differs, facts, put, write } from "/page/cells.js";
import { SPANS_MAX, course, rate } from "/page/course.js";
import { clock, count, millis, share, since, speed } from "/page/figures.js";
import { confirmed } from "/page/notice.js";
import { routeName } from "/page/routes.js";

/** How the gateway is, in a word. */
export function showState(text, tone) {
  put(by("state"), text);
  by("state").className = `badge ${tone}`;
}

/** How many of a part are in trouble, beside the part's name in the navigation. */
export function trouble(part, number, what, tone = "bad") {
  const link = document.querySelector(`nav a[href="#${part}"]`);
  const text = number > 0 ? `${count(number)} ${what}` : "";
  if (!differs(link, text)) return;
  link.querySelector(".badge")?.remove();
  if (number === 0) return;
  const told = document.createElement("span");
  told.className = `badge ${tone}`;
  told.textContent = text;
  link.append(told);
}

export function showStatus(status) {
  showState(status.state, status.state === "serving" ? "good" : "warn");
  document.title = `${status.policy.split("/").at(-1)} · Gatewright`;
  const listeners = status.listeners.map(({ name, address, tls }) => `${name === address ? "" : `${name} `}${address}${tls ? " (TLS)" : ""}`);
  const stores = Object.entries(status.stores).map(([name, { up }]) => `${name} ${up ? "up" : "down"}`);
  const pairs = [["Instance", status.instance], ["Policy", status.policy], ["Generation", count(status.generation)], ["Listens at", listeners.join(", ")]];
  facts("facts", [...pairs, ["Up for", since(status.uptime_s)], ...(stores.length ? [["Stores", stores.join(", ")]] : []), ["Version", status.version]]);
  const { at, diagnostics } = status.reload ?? {};
  by("refused").hidden = !diagnostics;
  write("refused-at", diagnostics ? `The reload at ${clock(at)} was refused; generation ${status.generation} stays in force.` : "");
  write("diagnostics", diagnostics ?? "");
}

export function showTraffic(status, metrics) {
  const [requests, errors] = [rate("requests"), rate("errors")];
  write("rate", speed(requests));
  write("errors", requests ? share(errors / requests) : "–");
  write("errors-note", errors == null ? "of the replies" : `${speed(errors)} a second`);
  const timed = Object.entries(metrics.routes).map(([name, { last_minute: minute }]) => [name, minute.p95_ms ?? -1]);
  const [name, slowest] = timed.reduce((most, route) => (route[1] > most[1] ? route : most), ["", -1]);
  write("slowest", millis(slowest < 0 ? null : slowest));
  write("slowest-note", slowest < 0 ? "no request in the last minute" : `p95 of ${routeName(name)}`);
  write("connections", count(status.connections.open));
  write("connections-note", `of ${count(status.connections.most)} at most`);
  const { hits, misses, hit_rate: hitRate } = metrics.cache;
  write("hits", share(hitRate));
  write("hits-note", hitRate == null ? "nothing was looked up" : `of ${count(hits + misses)} ${hits + misses === 1 ? "lookup" : "lookups"}`);
  const late = metrics.workers.map((worker) => worker.delay_p99_ms ?? -1);
  write("late", millis(late.length && Math.max(...late) >= 0 ? Math.max(...late) : null));
  write("late-note", `p99 of ${count(status.workers)} ${status.workers === 1 ? "worker" : "workers"}`);
  by("curve").replaceChildren(curve(course("requests", SPANS_MAX) ?? { points: [], most: SPANS_MAX }));
}

/** What came of another policy. */
export const reloaded = ({ generation, changes }) =>
  `Generation ${generation} is in force. It changes ${changes.length ? changes.join("; ") : "nothing for requests"}.`;
const reloading = "Its file is put in force as it is now. If anything is wrong with it, the policy in force stays.";
by("reload").onclick = confirmed("Reload the policy?", reloading, "Reload", "/admin/reload", reloaded);
