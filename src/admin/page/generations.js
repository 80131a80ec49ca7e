// The policies that are kept, and the way back to them.

import { badge } from "/page/cells.js";
import { count } from "/page/figures.js";
import { ACT_MS, ask } from "/page/gateway.js";
import { confirmed, say, sentence } from "/page/notice.js";
import { reloaded } from "/page/status.js";
import { fill } from "/page/tables.js";

/** Changes that are told one by one before anybody goes back. */
const CHANGES_MAX = 10;

export function showGenerations(kept) {
  fill("generations-rows", kept.map(({ generation, in_force: inForce, since, by, user, rollback, summary }) => {
    const how = `${by}${user ? ` ${user}` : ""}${rollback ? `, back to ${rollback}` : ""}`;
    const back = { buttons: [["Roll back…", `to generation ${generation}`, asked(generation)]] };
    return [generation, generation, { time: since }, how, summary, inForce ? badge("in force", "good") : back];
  }));
}

/** Goes back once it was said what that changes. */
const asked = (generation) => async () => {
  try {
    const { changes } = await ask(`/admin/generations/${generation}`, { patience: ACT_MS });
    confirmed(`Go back to generation ${generation}?`, told(changes), "Roll back", `/admin/rollback?to=${generation}`, reloaded)();
  } catch (error) {
    say(sentence(error.message), { bad: true });
  }
};

function told(changes) {
  const further = changes.length - CHANGES_MAX;
  const what = changes.length ? ["It changes for requests:", ...changes.slice(0, CHANGES_MAX)] : ["It changes nothing for requests."];
  return [...what, ...(further > 0 ? [`and ${count(further)} more`] : []), "The file stays as it is, and the next reload takes that."].join("\n");
}
