// What happened lately.

import { badge, by, element } from "/page/cells.js";
import { tell } from "/page/notice.js";
import { fill } from "/page/tables.js";

/** Events that are kept here. */
const EVENTS_MAX = 500;
const [FAULTS, WARNINGS] = [/refused|down|ejected|unresolved|panic|opened|missing|failed/, /half_opened|limit_reached/];

let events = [];

/** The number of the last one that is known. */
export const latestEvent = () => events.at(-1)?.number ?? 0;

/** Another process tells its own. */
export function forgetEvents() {
  events = [];
}

export function showEvents(fresh, expected) {
  events = [...events, ...fresh].slice(-EVENTS_MAX);
  const kinds = new Set([...by("kind").options].map((option) => option.value));
  for (const { event } of events) {
    if (kinds.has(event)) continue;
    kinds.add(event);
    by("kind").append(element("option", { value: event }, event));
  }
  listEvents();
  // Whoever listens wants to hear what is wrong, not all that happens.
  const fault = fresh.findLast(({ change }) => tone(change) === "bad");
  if (fault && !expected) tell(`${spaced(fault.change)}: ${fault.subject}`);
}

const spaced = (change) => change.replaceAll("_", " ");
const tone = (change) => (WARNINGS.test(change) ? "warn" : FAULTS.test(change) ? "bad" : "");

function listEvents() {
  const kind = by("kind").value;
  const wanted = events.filter(({ event }) => kind === "" || event === kind).reverse();
  fill("events-rows", wanted.map(({ number, at, change, subject, detail }) => [number, { time: at }, badge(spaced(change), tone(change)), subject, { long: detail }]));
}

by("kind").onchange = listEvents;
