// Tables: rows that stay stay where they are, long ones are shown in part, and those of numbers are sorted by a click.

import { by, element, put } from "/page/cells.js";
import { count } from "/page/figures.js";

/** Rows that are shown at first, that are added by a click, and that the page has room for. */
const [ROWS_FIRST, ROWS_MORE, ROWS_MAX] = [20, 80, 500];

const tables = new Map();

function table(id) {
  if (tables.has(id)) return tables.get(id);
  const body = by(id);
  const heads = [...body.parentElement.tHead.rows[0].cells];
  const made = { body, heads, labels: heads.map((head) => head.textContent), known: new Map(), rows: [], room: ROWS_FIRST, column: null };
  tables.set(id, made);
  made.told = element("span");
  made.button = element("button", { type: "button", onclick: () => { made.room = Math.min(ROWS_MAX, made.room + ROWS_MORE); draw(made); } });
  made.more = element("p", { className: "more", hidden: true }, made.told, made.button);
  body.closest(".scroll").after(made.more);
  heads.forEach((head, column) => {
    if (!head.classList.contains("number")) return;
    const sort = () => {
      made.column = made.column === column ? null : column;
      draw(made);
    };
    head.replaceChildren(element("button", { type: "button", className: "sort", title: "Largest first, or as before", onclick: sort }, made.labels[column]));
  });
  return made;
}

/** Makes the rows of a table those given, each `[key, ...cells]`. */
export function fill(id, rows) {
  const made = table(id);
  made.rows = rows;
  draw(made);
  const none = by(`${id}-none`);
  if (none) none.hidden = rows.length > 0;
}

const worth = (cell) => cell.value ?? -1;

function draw(made) {
  const { body, heads, known, rows, room, column } = made;
  const sorted = column === null ? rows : rows.toSorted((one, other) => worth(other[column + 1]) - worth(one[column + 1]));
  const shown = sorted.slice(0, room);
  const wanted = new Set(shown.map(([key]) => key));
  for (const [key, row] of known) {
    if (wanted.has(key)) continue;
    row.remove();
    known.delete(key);
  }
  shown.forEach(([key, ...cells], at) => {
    if (!known.has(key)) known.set(key, element("tr", {}, ...heads.map((head, column) => cell(head, made.labels[column], column))));
    const row = known.get(key);
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
    cells.forEach((content, column) => put(row.cells[column], content));
  });
  body.parentElement.hidden = rows.length === 0;
  heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", "descending") : head.removeAttribute("aria-sort")));
  const further = rows.length - shown.length;
  made.more.hidden = further === 0;
  made.told.textContent = `${count(shown.length)} of ${count(rows.length)} ${room < ROWS_MAX ? "" : "are shown"}`;
  made.button.hidden = room >= ROWS_MAX;
  made.button.textContent = `Show ${count(Math.min(further, ROWS_MORE))} more`;
}

function cell({ className }, label, at) {
  const made = at === 0 ? element("th", { scope: "row", className }) : element("td", { className });
  made.dataset.label = label;
  return made;
}
