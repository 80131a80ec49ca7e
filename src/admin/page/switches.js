// What is turned by hand: routes that can be closed, and flags.

import { badge } from "/page/cells.js";
import { act, confirmed } from "/page/notice.js";
import { trouble } from "/page/status.js";
import { fill } from "/page/tables.js";

const turn = (path, to, says) => () => act(`${path}on=${to}`, says);

export function showSwitches(maintenance, flags) {
  fill("switches-rows", [...Object.entries(maintenance).map(closing), ...Object.entries(flags).map(turning)]);
  trouble("switches", Object.values(maintenance).filter(({ on }) => on).length, "closed", "warn");
}

function closing([name, { on, by_hand: hand }]) {
  const [path, what] = [`/admin/maintenance?route=${encodeURIComponent(name)}&`, `route ${name}`];
  const warning = `Requests to ${name} are answered with 503 until it is opened.`;
  const close = ["Close…", what, confirmed("Close the route?", warning, "Close", `${path}on=true`, `Route ${name} is closed.`)];
  const open = ["Open", what, turn(path, "false", `Route ${name} is open.`)];
  const leave = ["As its file", what, turn(path, "file", `Route ${name} is as its file says.`)];
  const state = badge(`${on ? "closed" : "open"}${hand ? ", by hand" : ""}`, on ? "warn" : "good");
  return [what, name, "route", state, { buttons: [on ? open : close, ...(hand ? [leave] : [])] }];
}

function turning([name, { on, declared }]) {
  const path = `/admin/flags/${encodeURIComponent(name)}?`;
  const others = [["On", "true"], ["Off", "false"]].filter(([label]) => label.toLowerCase() !== on);
  const buttons = others.map(([label, to]) => [label, `flag ${name}`, turn(path, to, `Flag ${name} is ${label.toLowerCase()}.`)]);
  if (on !== declared) buttons.push(["As declared", `flag ${name}`, turn(path, "declared", `Flag ${name} is as it is declared: ${declared}.`)]);
  return [`flag ${name}`, name, "flag", badge(on, on === "off" ? "" : "good"), { buttons }];
}
