-- When each request came, oldest first.
-- KEYS: the log. ARGV: 0 to take or 1 to give back, count, period in µs, and for what is given back when it was taken.
-- Returns: allowed, remaining, µs until the limit is new, µs until one more may come, now.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local back, count, period = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3])
local CHUNK = 64

if back then
  redis.call('LREM', KEYS[1], -1, ARGV[4])
  return { 1, 0, 0, 0, now }
end

local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or 0)
if last - now > period then
  -- The clock was set back: what was counted comes with it.
  local ahead = last - now
  for at, time in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    redis.call('LSET', KEYS[1], at - 1, string.format('%.0f', time - ahead))
  end
  last = now
end
now = math.max(now, last)

-- What has left the span goes, a chunk at a time.
repeat
  local oldest, gone = redis.call('LRANGE', KEYS[1], 0, CHUNK - 1), 0
  while oldest[gone + 1] and oldest[gone + 1] + period <= now do gone = gone + 1 end
  if gone > 0 then redis.call('LTRIM', KEYS[1], gone, -1) end
until gone < CHUNK

local counted = redis.call('LLEN', KEYS[1])
if counted >= count then
  return { 0, 0, last + period - now, redis.call('LINDEX', KEYS[1], 0) + period - now, now }
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(period / 1000) + 1))
return { 1, count - counted - 1, period, 0, now }
