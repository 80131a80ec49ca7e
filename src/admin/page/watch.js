// The page of the admin listener: asks every two seconds how the gateway stands, while somebody looks, and shows it.

import { forget, note } from "/page/course.js";
import { forgetEvents, latestEvent, showEvents } from "/page/events.js";
import { clock } from "/page/figures.js";
import { ask } from "/page/gateway.js";
import { showGenerations } from "/page/generations.js";
import { showCache, showLimits } from "/page/limits.js";
import { say, sentence } from "/page/notice.js";
import { showRoutes, takeRoutes } from "/page/routes.js";
import { showState, showStatus, showTraffic } from "/page/status.js";
import { showSwitches } from "/page/switches.js";
import "/page/trace.js";
import { showUpstreams } from "/page/upstreams.js";

/** Between two looks, in milliseconds. */
const EVERY_MS = 2000;

let looking = null;
/** When the figures were had that are shown, and of which process and generation they are. */
let shown = { at: null, process: null, generation: null };
let reachable = true;
/** True when it is known what has happened, since it was turned here. */
let acted = false;
let again;

/** One look at a time. */
const look = () => (looking ??= looked().finally(() => (looking = null)));

async function looked() {
  const names = ["status", "metrics", "upstreams", "limits", "cache", "maintenance", "flags", `events?since=${latestEvent()}`];
  const [status, metrics, upstreams, limits, cache, maintenance, flags, told] = await Promise.all(names.map((name) => ask(`/admin/${name}`)));
  if (shown.process !== null && shown.process !== status.process) {
    // Another process has taken over, and counts anew.
    forget();
    forgetEvents();
    shown = { at: null, process: null, generation: null };
    return looked();
  }
  if (shown.generation !== status.generation) {
    const [routes, kept] = await Promise.all(["routes", "generations"].map((name) => ask(`/admin/${name}`)));
    takeRoutes(routes);
    showGenerations(kept);
  }
  const expected = shown.at === null || acted;
  acted = false;
  shown = { at: new Date(), process: status.process, generation: status.generation };
  note(counts(metrics), performance.now());
  showStatus(status);
  showTraffic(status, metrics);
  showRoutes(metrics);
  showUpstreams(upstreams, metrics);
  showLimits(limits);
  showCache(cache, metrics.cache);
  showSwitches(maintenance, flags);
  if (told.events.length > 0) showEvents(told.events, expected);
}

/** What rates are taken of, by name. */
function counts({ routes, upstreams, limits }) {
  const all = new Map([["requests", 0], ["errors", 0]]);
  for (const [name, { requests, errors }] of Object.entries(routes)) {
    all.set("requests", all.get("requests") + requests).set("errors", all.get("errors") + errors).set(`route ${name}`, requests);
  }
  Object.entries(upstreams).forEach(([name, { requests }]) => all.set(`upstream ${name}`, requests));
  Object.entries(limits).forEach(([name, { rejected }]) => all.set(`limit ${name}`, rejected));
  return all;
}

async function watch() {
  clearTimeout(again);
  try {
    await look();
    if (!reachable) say("The gateway answers again.");
    reachable = true;
  } catch (error) {
    if (!error.told) console.error(error);
    const from = shown.at === null ? "" : `The figures are those of ${clock(shown.at)}; `;
    if (reachable) say(`${sentence(error.message)} ${from}${from ? "it" : "It"} is asked again every two seconds.`, { bad: true });
    showState(error.status === null ? "not reached" : `answers ${error.status ?? "what is not understood"}`, "bad");
    reachable = false;
  }
  document.body.classList.toggle("stale", !reachable);
  clearTimeout(again);
  if (!document.hidden) again = setTimeout(watch, EVERY_MS);
}

// What was asked before something was turned may be out of date.
document.addEventListener("acted", async () => {
  await looking?.catch(() => null);
  acted = true;
  await watch();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(again) : watch()));
watch();
