-- Picks the first usable key of an instance, in the order of its generation.
-- The marks are read in the same call, so no process can pick a key after another has put it aside.
-- KEYS: 1 marks (hash)  2 order (hash)  3 free (zset)  4 cooling (zset)
-- ARGV: 1... digests that this call must not get
-- Returns: {'ok', digest} | {'none', soonest in ms or '', now in ms} | {'unregistered'}
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {'unregistered'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, digest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[4], digest)
  local position = redis.call('HGET', KEYS[2], digest)
  if position then
    redis.call('ZADD', KEYS[3], position, digest)
  end
end

local excluded = {}
for _, digest in ipairs(ARGV) do
  excluded[digest] = true
end

local skipped = 0
while true do
  local digest = redis.call('ZRANGE', KEYS[3], skipped, skipped)[1]
  if not digest then
    break
  end
  local mark = redis.call('HGET', KEYS[1], digest)
  local state, untilms
  if mark then
    state, untilms = string.match(mark, '^(%a+)|(%d+)')
    untilms = tonumber(untilms)
  end
  if state == 'dead' then
    redis.call('ZREM', KEYS[3], digest)
  elseif state == 'cooling' and untilms > now then
    redis.call('ZREM', KEYS[3], digest)
    redis.call('ZADD', KEYS[4], untilms, digest)
  elseif excluded[digest] then
    skipped = skipped + 1
  else
    if mark then
      redis.call('HDEL', KEYS[1], digest)
    end
    return {'ok', digest}
  end
end

if skipped > 0 then
  return {'none', tostring(now + 1000), tostring(now)}
end
local soonest = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
return {'none', soonest[2] or '', tostring(now)}
