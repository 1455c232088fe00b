-- Lays out one ordered set of keys (a generation) of an instance for `acquire`.
-- Marks that other generations left are honoured, so a reordered list forgets nothing.
-- KEYS: 1 marks (hash)  2 order (hash)  3 free (zset)  4 cooling (zset)  5 generations (set)
-- ARGV: 1 generation  2 lifetime of the layout in ms  3... digests in order
-- Returns: the number of keys.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
for i = 3, #ARGV do
  local digest = ARGV[i]
  redis.call('HSET', KEYS[2], digest, i - 3)
  local mark = redis.call('HGET', KEYS[1], digest)
  local state, untilms = 'free', 0
  if mark then
    state, untilms = string.match(mark, '^(%a+)|(%d+)')
    untilms = tonumber(untilms)
  end
  if state == 'cooling' and untilms > now then
    redis.call('ZADD', KEYS[4], untilms, digest)
  elseif state ~= 'dead' then
    redis.call('ZADD', KEYS[3], i - 3, digest)
  end
end
redis.call('SADD', KEYS[5], ARGV[1])
for i = 2, 4 do
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return #ARGV - 2
