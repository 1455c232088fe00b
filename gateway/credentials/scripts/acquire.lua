-- Picks the first usable key of an instance, in the order of its generation.
-- The marks are read in the same call, so no process can pick a key after another has put it aside.
-- Reports of other generations change the marks alone; what they make stale here is put right here.
-- KEYS: 1 marks (hash)  2 order (hash)  3 free (zset)  4 cooling (zset)
-- ARGV: 1... digests that this call must not get
-- Returns: {'ok', digest} | {'none', soonest in ms or '', now in ms} | {'unregistered'}
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {'unregistered'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read_mark(digest)
  local mark = redis.call('HGET', KEYS[1], digest)
  if not mark then
    return nil, 0
  end
  local state, untilms = string.match(mark, '^(%a+)|(%d+)')
  return state, tonumber(untilms)
end

-- A set that was empty has lost its expiry; it lives as long as its layout.
local function add(set, score, digest)
  redis.call('ZADD', set, score, digest)
  redis.call('PEXPIRE', set, math.max(1, redis.call('PTTL', KEYS[2])))
end

for _, digest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now)) do
  redis.call('ZREM', KEYS[4], digest)
  local position = redis.call('HGET', KEYS[2], digest)
  if position then
    add(KEYS[3], position, digest)
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
  local state, untilms = read_mark(digest)
  if state == 'dead' then
    redis.call('ZREM', KEYS[3], digest)
  elseif state == 'cooling' and untilms > now then
    redis.call('ZREM', KEYS[3], digest)
    add(KEYS[4], untilms, digest)
  elseif excluded[digest] then
    skipped = skipped + 1
  else
    if state then
      redis.call('HDEL', KEYS[1], digest)
    end
    return {'ok', digest}
  end
end

if skipped > 0 then
  return {'none', tostring(now + 1000), tostring(now)}
end
while true do
  local digest, score = unpack(redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES'))
  if not digest then
    return {'none', '', tostring(now)}
  end
  local state, untilms = read_mark(digest)
  if state == 'dead' then
    redis.call('ZREM', KEYS[4], digest)
  elseif untilms > tonumber(score) then
    redis.call('ZADD', KEYS[4], untilms, digest)
  else
    return {'none', score, tostring(now)}
  end
end
