// Numbers as people read them. What is not known is a dash.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const known = (spelled) => (number) => (number == null ? "–" : spelled(number));

export const count = known((number) => whole.format(number));
export const speed = known((number) => (number === 0 || number >= 100 ? whole.format(number) : tenths.format(Math.max(number, 0.1))));
export const perSecond = known((number) => (number === 0 ? "0" : `${speed(number)}/s`));
export const share = known((part) => `${tenths.format(part * 100)} %`);

export const millis = known((number) => {
  if (number >= 10_000) return `${tenths.format(number / 1000)} s`;
  return `${number >= 100 ? whole.format(number) : number.toFixed(number >= 10 ? 1 : 2)} ms`;
});

export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; number >= 1024 && at < units.length - 1; at += 1) number /= 1024;
  return `${at === 0 ? number : tenths.format(number)} ${units[at]}`;
}

export function since(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** The time of day; with its date where that is not today. */
export function clock(text) {
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString("en-GB") : at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}
