// What the gateway is asked, and what it is told to do.

/** What an answer may take, and what a reload or a trace may, in milliseconds. */
const ASK_MS = 5000;
export const ACT_MS = 60_000;

/** The JSON that is at a path of the admin listener. What it answers instead is an error that people can read. */
export async function ask(path, { method = "GET", patience = ASK_MS } = {}) {
  const reply = await fetch(`${location.origin}${path}`, { method, cache: "no-store", signal: AbortSignal.timeout(patience) }).catch(() => null);
  const told = await reply?.json().catch(() => null);
  if (reply?.ok && told != null) return told;
  const detail = reply === null ? "the gateway cannot be reached" : told?.detail ?? `the gateway answers ${reply.status}`;
  throw Object.assign(new Error(detail), { told: true, status: reply?.status ?? null });
}
