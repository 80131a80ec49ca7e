// The form that tries a request out: what the policy in force would make of it.

import { badge, by, write } from "/page/cells.js";
import { ACT_MS, ask } from "/page/gateway.js";
import { sentence, tell } from "/page/notice.js";
import { fill } from "/page/tables.js";

by("trace-form").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const given = [...new FormData(submitted.target)].filter(([, text]) => text !== "");
  const query = given.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&");
  by("trace-result").setAttribute("aria-busy", "true");
  try {
    showTrace(await ask(`/admin/trace?${query}`, { method: "POST", patience: ACT_MS }));
  } catch (error) {
    showTrace(null, sentence(error.message));
  }
  by("trace-result").removeAttribute("aria-busy");
};

const TONES = { pass: "good", answer: "good", refuse: "bad" };

function showTrace(trace, wrong = "") {
  const { route, status, upstream, attempts, stages, sent, rivals } = trace ?? { stages: [], rivals: [] };
  const tries = attempts > 1 ? ` after ${attempts} attempts` : "";
  const parts = [status ?? "no answer", route ? `by route ${route}` : "no route takes it", ...(upstream ? [`from upstream ${upstream}${tries}`] : [])];
  by("trace-result").hidden = false;
  by("trace-verdict").classList.toggle("wrong", !trace);
  write("trace-verdict", trace ? parts.join(", ") : wrong);
  tell(by("trace-verdict").textContent);
  fill("stages-rows", stages.map(({ stage, verdict, statement, detail, place }, at) =>
    [at, stage, badge(verdict.replace("_", " "), TONES[verdict]), { code: statement, what: detail }, place ?? ""]));
  by("sent").hidden = !sent;
  write("sent-text", sent ? [`${sent.method} ${sent.path}`, ...Object.entries(sent.headers).map(([name, value]) => `${name}: ${value}`)].join("\n") : "");
  by("rivals").hidden = rivals.length === 0;
  fill("rivals-rows", rivals.map(({ route, why, place }) => [route, route, why, place]));
}
