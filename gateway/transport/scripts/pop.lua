-- Gives a worker calls of its queues in their order, and records that it has them in the same step:
-- a worker that dies at once leaves its claims behind.
-- KEYS: 1 claims (hash)  2 epoch (integer)  3 wake (list)  4 alive (string), then five a queue:
--       queue (list), intermediate (list), sizes (hash), waiting bytes (integer), rate (hash)
-- ARGV: 1 the most calls  2 how long a beat counts in ms
-- Returns: {position of the queue, call id, epoch} for each.
local room = tonumber(ARGV[1])
redis.call('SET', KEYS[4], '1', 'PX', ARGV[2])
local popped = {}
local waiting = 0
local window = math.floor(redis.call('TIME')[1] / 10)
for q = 0, (#KEYS - 4) / 5 - 1 do
  local base = 5 + q * 5
  local taken = 0
  while room > 0 do
    local id = redis.call('LMOVE', KEYS[base], KEYS[base + 1], 'LEFT', 'RIGHT')
    if not id then
      break
    end
    local size = tonumber(redis.call('HGET', KEYS[base + 2], id) or '0')
    redis.call('HDEL', KEYS[base + 2], id)
    redis.call('DECRBY', KEYS[base + 3], size)
    local epoch = redis.call('INCR', KEYS[2])
    redis.call('HSET', KEYS[1], id, epoch)
    popped[#popped + 1] = {q, id, epoch}
    room = room - 1
    taken = taken + 1
  end
  if taken > 0 then
    local last = tonumber(redis.call('HGET', KEYS[base + 4], 'window') or '0')
    if last ~= window then
      local before = last == window - 1 and redis.call('HGET', KEYS[base + 4], 'count') or '0'
      redis.call('HSET', KEYS[base + 4], 'window', window, 'count', 0, 'before', before)
      redis.call('EXPIRE', KEYS[base + 4], 60)
    end
    redis.call('HINCRBY', KEYS[base + 4], 'count', taken)
  end
  waiting = waiting + redis.call('LLEN', KEYS[base])
end
if waiting > 0 and redis.call('LLEN', KEYS[3]) == 0 then
  redis.call('RPUSH', KEYS[3], '1')
end
return popped
