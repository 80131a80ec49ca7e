// What is put on the page. Whatever a policy, a request or an event says gets there as text, never as markup.

import { clock, count } from "/page/figures.js";

export const by = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function write(id, text) {
  const node = by(id);
  if (node.textContent !== text) node.textContent = text;
}

export const badge = (text, tone = "") => ({ badge: text, tone });
/** A number, to be sorted by; it stands out when it has a tone, and is quiet when it is nothing. */
export const figure = (value, as = count, more = {}) => ({ value, as, ...more });
/** How many failed: none is nothing to worry about. */
export const failed = (errors) => figure(errors, count, errors > 0 ? { tone: "bad" } : {});

/** What stands in each cell, so that nothing is touched that stays: what is read aloud or has the focus is left in peace. */
const stands = new WeakMap();

/** True when something else than before belongs there. */
export function differs(node, sign) {
  if (stands.get(node) === sign) return false;
  stands.set(node, sign);
  return true;
}

/** Puts a text, or a `badge`, `time`, `code`, `name`, `long`, `buttons` or figure, into an element. */
export function put(node, given) {
  const content = typeof given === "object" && "as" in given ? spelled(given) : given;
  if (!differs(node, JSON.stringify(content))) return;
  const focused = node.contains(document.activeElement);
  node.replaceChildren(...drawn(content));
  node.classList.toggle("idle", content.idle === true);
  node.classList.toggle("unknown", content.unknown === true);
  if (focused) node.querySelector("button")?.focus();
}

const spelled = ({ value, as, tone, curve }) => ({ figure: as(value), idle: !value, unknown: value == null, tone, curve });

function drawn(content) {
  if (typeof content !== "object") return breakable(String(content));
  if ("badge" in content) return [element("span", { className: `badge ${content.tone}` }, content.badge)];
  if ("figure" in content) {
    const text = content.tone ? element("span", { className: `badge ${content.tone}` }, content.figure) : content.figure;
    return content.curve ? [curve(content.curve), text] : [text];
  }
  if ("time" in content) return [element("time", { dateTime: content.time }, clock(content.time))];
  if ("name" in content) return [...breakable(content.name), element("span", { className: "said-so" }, ...breakable(content.said))];
  if ("long" in content) return folded(content.long);
  if ("code" in content) return [...breakable(content.code), content.what ? element("span", { className: "what" }, content.what) : ""];
  return content.buttons.map(([label, of, act]) => {
    const button = element("button", { type: "button", onclick: act }, label);
    button.setAttribute("aria-label", `${label} ${of}`);
    return button;
  });
}

/** A text of several lines, of which the first is shown. */
function folded(text) {
  const [first, ...rest] = text.trim().split("\n");
  return rest.length ? [element("details", {}, element("summary", {}, first), rest.join("\n"))] : [first];
}

/** A text that may be broken between its words, where it has no spaces. */
const breakable = (text) => text.split(/(?<=[_/.,-])(?=[^\s_/.,-])/).flatMap((part, at) => (at === 0 ? [part] : [element("wbr"), part]));

export function facts(id, pairs) {
  const list = by(id);
  pairs.forEach(([name, text], at) => {
    const pair = list.children[at] ?? list.appendChild(element("div", {}, element("dt"), element("dd")));
    put(pair.firstChild, name);
    put(pair.lastChild, text);
  });
  while (list.children.length > pairs.length) list.lastChild.remove();
}

const shape = (name, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([attribute, value]) => made.setAttribute(attribute, value));
  made.append(...children);
  return made;
};

/** A curve of numbers, the latest at the right; the figure beside it says what counts. */
export function curve({ points, most }) {
  const [width, height, top] = [most - 1, 24, Math.max(1, ...points)];
  const places = points.map((point, at) => `${width - (points.length - 1 - at)},${(height - 1 - (point / top) * (height - 2)).toFixed(1)}`);
  const area = points.length ? `${width - points.length + 1},${height} ${places.join(" ")} ${width},${height}` : "";
  const parts = [shape("polygon", { points: area }), shape("polyline", { points: places.join(" ") })];
  return shape("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...parts);
}
