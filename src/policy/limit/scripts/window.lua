-- Windows that are aligned to the epoch: when this one began, what came in it, and what came in the one before.
-- KEYS: the windows. ARGV: 0 to take or 1 to give back, count, period in µs, 1 where the window before weighs as much as of
-- it lies within one period, and for what is given back when it was taken. Times are in µs.
-- Returns: allowed, remaining, µs until the limit is new, µs until one more may come, now.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local back, count, period, sliding = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'

local begin = now - math.fmod(now, period)
local start, current, previous = begin, 0, 0
local known = redis.call('GET', KEYS[1])
if known then
  start, current, previous = string.match(known, '^(%d+) (%d+) (%d+)$')
  start, current, previous = tonumber(start), tonumber(current), tonumber(previous)
end

local function keep()
  local left = start + period - now + (sliding and period or 0)
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', start, current, previous), 'PX',
    string.format('%.0f', math.max(1, math.ceil(left / 1000))))
end

if back then
  local taken = tonumber(ARGV[5])
  if taken >= start then
    current = math.max(0, current - 1)
  elseif taken >= start - period then
    previous = math.max(0, previous - 1)
  end
  if known then keep() end
  return { 1, 0, 0, 0, now }
end

-- The clock was set back: the window goes on where the clock is now.
if begin + period < start then start, previous = begin, 0 end
if begin > start then
  previous = begin == start + period and current or 0
  start, current = begin, 0
end
local left = math.max(0, period - math.max(0, now - start))

if not sliding then
  if current >= count then return { 0, 0, left, left, now } end
  current = current + 1
  keep()
  return { 1, count - current, left, 0, now }
end

-- The largest part of a window that may still weigh so that `free` more fit.
local function weight(free, of) return math.floor(free * period / math.max(1, of)) end
if previous * left + current * period + period > count * period then
  local retry
  if current < count then
    retry = math.max(0, left - weight(count - current - 1, previous))
  else
    retry = left + math.max(0, period - weight(count - 1, current))
  end
  return { 0, 0, left + (current > 0 and period or 0), retry, now }
end
current = current + 1
keep()
return { 1, math.floor((count * period - previous * left - current * period) / period), left + period, 0, now }
