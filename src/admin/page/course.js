// How fast what is counted grows. Only this page remembers it, and only while it is open.

/** Spans between two looks: those that are kept (two minutes), that a small curve shows (one), and that a rate is taken over (ten seconds). */
export const SPANS_MAX = 60;
const [CURVE_SPANS, RATE_SPANS] = [30, 5];
/** Fewer points than this are no curve. */
const POINTS_MIN = 4;
/** Looks that follow sooner are no span of their own, in milliseconds. */
const SPAN_MIN_MS = 1000;

let counted = null;
let spans = [];
/** By the name of what is counted: by how much it grew in each span, the latest last. */
const steps = new Map();

/** Another process counts anew. */
export function forget() {
  [counted, spans] = [null, []];
  steps.clear();
}

/** Takes in what is counted by now: names and numbers. */
export function note(counts, at) {
  if (counted !== null && at - counted.at < SPAN_MIN_MS) return;
  if (counted !== null) {
    spans = [...spans, at - counted.at].slice(-SPANS_MAX);
    for (const name of steps.keys()) if (!counts.has(name)) steps.delete(name);
    for (const [name, number] of counts) {
      const grown = steps.get(name) ?? [];
      grown.push(Math.max(0, number - (counted.counts.get(name) ?? 0)));
      if (grown.length > SPANS_MAX) grown.shift();
      steps.set(name, grown);
    }
  }
  counted = { at, counts };
}

const sum = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** How much it grows in a second; nothing before the second look. */
export const rate = (name) => (spans.length ? (sum((steps.get(name) ?? []).slice(-RATE_SPANS)) * 1000) / sum(spans.slice(-RATE_SPANS)) : null);

/** Its rates, span by span; nothing where all are zero, or hardly any are known. */
export function course(name, most = CURVE_SPANS) {
  const grown = (steps.get(name) ?? []).slice(-most);
  if (grown.length < POINTS_MIN || grown.every((step) => step === 0)) return null;
  const over = spans.slice(-grown.length);
  return { points: grown.map((step, at) => (step * 1000) / over[at]), most };
}
