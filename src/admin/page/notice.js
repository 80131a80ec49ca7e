// What was said last, and what is asked about before it is done.

import { by, write } from "/page/cells.js";
import { ACT_MS, ask } from "/page/gateway.js";

/** How long good news stay, in milliseconds; what is wrong stays until it is put away. */
const NEWS_MS = 10_000;

export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Says something to screen readers: these hear of what stands there all the time, and changes. */
export const tell = (text) => write("heard", text);

let ends;

/** Says something to the eye and to the ear. */
export function say(text, { bad = false } = {}) {
  by("notice").hidden = false;
  by("notice").className = bad ? "bad" : "";
  write("said", text);
  tell(text);
  clearTimeout(ends);
  if (!bad) ends = setTimeout(quiet, NEWS_MS);
}

function quiet() {
  by("notice").hidden = true;
}

/** Does something, says what came of it, and has everything looked at again. */
export async function act(path, says) {
  try {
    const told = await ask(path, { method: "POST", patience: ACT_MS });
    say(typeof says === "function" ? says(told) : says);
  } catch (error) {
    say(sentence(error.message), { bad: true });
  }
  document.dispatchEvent(new Event("acted"));
}

/** An act that is asked about first. */
export function confirmed(title, text, label, path, says) {
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

by("confirm-no").onclick = () => by("confirm").close();
by("notice-close").onclick = quiet;
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && !by("confirm").open) quiet();
});
