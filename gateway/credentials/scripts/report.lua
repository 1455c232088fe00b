-- Puts a key aside. A cooldown is never shortened and a dead key never becomes a cooling one.
-- KEYS: 1 marks (hash)  2 order (hash)  3 free (zset)  4 cooling (zset)
-- ARGV: 1 digest  2 'dead' or 'cooling'  3 duration in ms  4 the upstream's status  5 its words
-- Returns: {'dead'} | {'cooling', the time in ms until which the key rests} | {'unregistered'}
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {'unregistered'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digest, state = ARGV[1], ARGV[2]
local untilms = state == 'dead' and 0 or now + tonumber(ARGV[3])

local mark = redis.call('HGET', KEYS[1], digest)
if mark then
  local marked, marked_until = string.match(mark, '^(%a+)|(%d+)')
  if marked == 'dead' then
    return {'dead'}
  end
  if state == 'cooling' and tonumber(marked_until) >= untilms then
    return {'cooling', marked_until}
  end
end

redis.call('ZREM', KEYS[3], digest)
local record = string.format('%s|%.0f|%.0f|%s|%s', state, untilms, now, ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], digest, record)
if state == 'dead' then
  redis.call('ZREM', KEYS[4], digest)
  return {'dead'}
end
redis.call('ZADD', KEYS[4], untilms, digest)
redis.call('PEXPIRE', KEYS[4], math.max(1, redis.call('PTTL', KEYS[2])))
return {'cooling', string.format('%.0f', untilms)}
