-- A bucket that drips: what is used of it, in tokens times the period, and as of when. Exact where that is below 2^53.
-- KEYS: the bucket. ARGV: 0 to take or 1 to give back, count, period in µs, burst. Times are in µs.
-- Returns: allowed, remaining, µs until full, µs until one more may come, now.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local back, count, period = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3])
local size = ARGV[4] * period

local used, at = 0, now
local known = redis.call('GET', KEYS[1])
if known then
  used, at = string.match(known, '^(%d+) (%d+)$')
  used, at = math.min(tonumber(used), size), tonumber(at)
end

local function keep()
  local left = math.ceil(used / count / 1000) + 1
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', used, at), 'PX', string.format('%.0f', left))
end

if back then
  used = math.max(0, used - period)
  if known then keep() end
  return { 1, 0, 0, 0, now }
end

-- A clock that was set back a little stands still; one that was set back far goes on from where it is.
if at > now and at - now <= period then now = at end
used = math.max(0, used - math.max(0, now - at) * count)
at = now
if used + period > size then
  return { 0, 0, math.ceil(used / count), math.ceil((used + period - size) / count), now }
end
used = used + period
keep()
return { 1, math.floor((size - used) / period), math.ceil(used / count), 0, now }
