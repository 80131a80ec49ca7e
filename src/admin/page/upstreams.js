// Upstreams, their targets and their breakers.

import { badge, by, failed, figure } from "/page/cells.js";
import { course, rate } from "/page/course.js";
import { count, millis, perSecond } from "/page/figures.js";
import { act, confirmed } from "/page/notice.js";
import { quantiles } from "/page/routes.js";
import { trouble } from "/page/status.js";
import { fill } from "/page/tables.js";

export function showUpstreams(upstreams, metrics) {
  const all = Object.entries(upstreams);
  fill("upstreams-rows", all.map(([name, upstream]) => row(name, upstream, metrics.upstreams[name] ?? {})));
  const targets = all.flatMap(([name, { targets }]) => targets.map((target, at) => ({ ...target, name, key: `${name} ${at}` })));
  fill("targets-rows", targets.map(({ key, target, name, state, in_flight: flying, latency_us: latency, weight, backup }) => [
    key, target, name, badge(state, { up: "good", down: "bad", ejected: "warn", unresolved: "bad" }[state]), figure(flying),
    figure(latency == null ? null : latency / 1000, millis), figure(weight), backup ? "backup" : ""]));
  // Few ways of balancing measure how long a target takes, and few upstreams have a backup.
  const table = by("targets-rows").parentElement;
  table.classList.toggle("without-latency", targets.every(({ latency_us: latency }) => latency == null));
  table.classList.toggle("without-backup", targets.every(({ backup }) => !backup));
  trouble("upstreams", targets.filter(({ state }) => state !== "up").length, "down");
  showBreakers(all.filter(([, { breaker }]) => breaker !== null), metrics);
}

function health(healthy, all, breaker) {
  if (breaker && breaker.state !== "closed") return badge(`breaker ${breaker.state.replace("_", " ")}`, breaker.state === "open" ? "bad" : "warn");
  return badge(`${healthy} of ${all} healthy`, healthy === all ? "good" : healthy > 0 ? "warn" : "bad");
}

function row(name, { healthy, targets, concurrency, breaker }, { requests = 0, errors = 0, retries = 0, failures = {}, last_minute: minute }) {
  const reasons = Object.entries(failures).filter(([, number]) => number > 0).map(([reason, number]) => `${reason.replaceAll("_", " ")} ${count(number)}`);
  const flying = targets.reduce((sum, target) => sum + target.in_flight, 0);
  const waiting = concurrency?.waiting ? `, ${count(concurrency.waiting)} wait` : "";
  const room = (flying) => (concurrency ? `${count(flying)} of ${count(concurrency.most)}${waiting}` : count(flying));
  const speed = figure(rate(`upstream ${name}`), perSecond, { curve: course(`upstream ${name}`) });
  return [name, name, health(healthy, targets.length, breaker), speed, figure(requests), failed(errors), figure(retries), ...quantiles(minute),
    figure(flying, room, waiting ? { tone: "warn" } : {}), reasons.length ? reasons.join(", ") : figure(null)];
}

function showBreakers(breakers, metrics) {
  fill("breakers-rows", breakers.map(([name, { breaker: { state, by_hand: hand, failures } }]) => {
    const text = `${state.replace("_", " ")}${hand ? ", by hand" : ""}`;
    const [path, whose] = [`/admin/breakers/${encodeURIComponent(name)}`, `the breaker of ${name}`];
    const warning = `Requests to ${name} are refused until it is closed by hand.`;
    const open = ["Open…", whose, confirmed("Open the breaker?", warning, "Open", `${path}/open`, `The breaker of ${name} is open.`)];
    const close = ["Close", whose, () => act(`${path}/close`, `The breaker of ${name} is closed.`)];
    return [name, name, badge(text, { closed: "good", half_open: "warn", open: "bad" }[state]), figure(failures), figure(metrics.breakers[name]?.trips ?? 0),
      { buttons: [state === "closed" ? open : close] }];
  }));
  trouble("breakers", breakers.filter(([, { breaker }]) => breaker.state !== "closed").length, "open");
}
