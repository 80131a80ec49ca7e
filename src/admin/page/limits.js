// Limits, and the cache.

import { by, facts, figure } from "/page/cells.js";
import { rate } from "/page/course.js";
import { bytes, count, perSecond } from "/page/figures.js";
import { confirmed } from "/page/notice.js";
import { trouble } from "/page/status.js";
import { fill } from "/page/tables.js";

export function showLimits(limits) {
  const all = Object.entries(limits).map(([name, limit]) => ({ name, refusing: rate(`limit ${name}`), ...limit }));
  fill("limits-rows", all.map(({ name, declared, allowed, rejected, refusing, keys }) => [
    name, { name, said: declared.join("; ") }, figure(allowed), figure(rejected), figure(refusing, perSecond, refusing > 0 ? { tone: "warn" } : {}), figure(keys)]));
  trouble("limits", all.filter(({ refusing }) => refusing > 0).length, "refusing", "warn");
}

export function showCache(cache, { hits, misses }) {
  const there = cache.caches > 0;
  by("cache-none").hidden = there;
  by("purge").hidden = !there;
  facts("cache-facts", there ? [["Responses", count(cache.entries)], ["Memory", `${bytes(cache.bytes)} of ${bytes(cache.bytes_most)}`],
    ["Hits", count(hits)], ["Misses", count(misses)], ["Evicted", count(cache.evicted)]] : []);
}

const purging = "All responses that are kept are dropped, and upstreams are asked for them again.";
by("purge").onclick = confirmed("Purge the cache?", purging, "Purge", "/admin/cache/purge", ({ purged }) => `Responses dropped: ${count(purged)}.`);
