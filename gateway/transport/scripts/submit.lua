-- Queues a call, unless the queue is over a bound, or whoever submits it has given up by now, as a
-- Redis that stood still does not know: nothing is written then.
-- KEYS: 1 queue (list)  2 record (hash)  3 body (string)  4 job (hash)  5 wake (list)
--       6 sizes (hash)  7 waiting bytes (integer)  8 queue names (set)  9 rate (hash)
--       10 alive (string) of the submitting process: it lives, whatever a lost Redis forgot
-- ARGV: 1 call id  2 body  3 lifetime in s  4 most calls  5 most bytes  6 the queue's name member
--       7 how long a beat counts in ms  8 when it is given up, Unix ms by this clock
--       9 number of record fields and values  10... record fields and values, then the job's
-- Returns: {'queued', length} | {'full', length, calls started in the last 10 to 20 s, seconds}
--          | {'late'}
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[8]) then
  return {'late'}
end
local size = #ARGV[2]
local length = redis.call('LLEN', KEYS[1])
local waiting = tonumber(redis.call('GET', KEYS[7]) or '0')
if length >= tonumber(ARGV[4]) or waiting + size > tonumber(ARGV[5]) and length > 0 then
  local rate = redis.call('HMGET', KEYS[9], 'window', 'count', 'before')
  local window = math.floor(time[1] / 10)
  local age = window - tonumber(rate[1] or '0')
  local count = age == 0 and tonumber(rate[2] or '0') or 0
  local before = age == 0 and tonumber(rate[3] or '0') or age == 1 and tonumber(rate[2] or '0') or 0
  return {'full', length, count + before, time[1] % 10 + 10}
end
local split = 9 + tonumber(ARGV[9])
redis.call('HSET', KEYS[2], unpack(ARGV, 10, split))
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
redis.call('HSET', KEYS[4], unpack(ARGV, split + 1))
redis.call('EXPIRE', KEYS[4], ARGV[3])
redis.call('SADD', KEYS[8], ARGV[6])
redis.call('SET', KEYS[10], '1', 'PX', ARGV[7])
redis.call('HSET', KEYS[6], ARGV[1], size)
redis.call('INCRBY', KEYS[7], size)
length = redis.call('RPUSH', KEYS[1], ARGV[1])
if redis.call('LLEN', KEYS[5]) == 0 then
  redis.call('RPUSH', KEYS[5], '1')
end
return {'queued', length}
