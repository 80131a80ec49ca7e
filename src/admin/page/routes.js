// The routes: their figures, and the tree in which they are found.

import { by, differs, element, failed, figure, write } from "/page/cells.js";
import { course, rate } from "/page/course.js";
import { count, millis, perSecond } from "/page/figures.js";
import { fill } from "/page/tables.js";

/** Routes that the tree shows. */
const TREE_MAX = 300;

let routes = [];
let metrics = { routes: {} };

/** Requests that no route takes are counted under names that no route can have. */
export const routeName = (name) => (name === "_none" ? "(no route)" : name === "_other" ? "(earlier routes)" : name);

export const quantiles = (minute) => ["p50_ms", "p95_ms", "p99_ms"].map((of) => figure(minute?.[of], millis));

/** Other routes are in force. */
export function takeRoutes(all) {
  routes = all.map((route) => ({ ...route, text: Object.values(route).join(" ").toLowerCase() }));
}

export function showRoutes(counted = metrics) {
  metrics = counted;
  const text = by("search").value.trim().toLowerCase();
  const matching = text === "" ? routes : routes.filter((route) => route.text.includes(text));
  const rows = matching.map(({ route, methods, host, path, target }) => row(route, `${methods} ${host === "*" ? "" : host}${path}`, target));
  if (text === "" && metrics.routes._none) rows.push(row("_none", "", "404"));
  fill("routes-rows", rows);
  write("routes-found", text === "" ? "" : `${count(matching.length)} of ${count(routes.length)} found.`);
  showTree(matching);
}

function row(name, matches, target) {
  const { requests = 0, errors = 0, last_minute: minute } = metrics.routes[name] ?? {};
  const speed = figure(rate(`route ${name}`), perSecond, { curve: course(`route ${name}`) });
  return [name, routeName(name), matches, target, speed, figure(requests), failed(errors), ...quantiles(minute)];
}

function showTree(matching) {
  if (!by("tree-part").open) return;
  const shown = matching.slice(0, TREE_MAX);
  if (!differs(by("tree"), JSON.stringify(shown))) return;
  write("tree-more", matching.length > TREE_MAX ? `The first ${count(TREE_MAX)} of ${count(matching.length)} are shown: search narrows them down.` : "");
  by("tree").replaceChildren(...branches(tree(shown)));
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

function branches({ below, leaves }, depth = 0) {
  const ends = leaves.map(({ methods, route, target }) =>
    element("li", { className: "leaf" }, element("code", {}, methods), " ", element("b", {}, route), ` ${target}`));
  const further = [...below].map(([first, branch]) => {
    let [step, node] = [first, branch];
    // Segments that lead to one other alone stand in one line with it; a host has a line of its own.
    while (depth > 0 && node.leaves.length === 0 && node.below.size === 1) {
      const [[next, only]] = node.below;
      [step, node] = [step + next, only];
    }
    return element("li", {}, element("code", {}, step), element("ul", {}, ...branches(node, depth + 1)));
  });
  return [...ends, ...further];
}

by("search").oninput = () => showRoutes();
by("tree-part").ontoggle = () => showRoutes();
