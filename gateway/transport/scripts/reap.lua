-- Takes a call from a dead worker: runs it again if it gave no output, else ends it with an error.
-- KEYS: 1 record (hash)  2 body (string)  3 claims (hash)  4 queue (list)  5 intermediate (list)
--       6 replies (list)  7 alive (string)  8 wake (list)  9 sizes (hash)  10 waiting bytes (integer)
--       11 epoch (integer)
-- ARGV: 1 call id  2 the dead worker's epoch  3 most runs  4 payload of the terminal error
-- Returns: 'requeued', 'failed' or 'gone'.
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then
  return 'gone'
end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('LREM', KEYS[5], 1, ARGV[1])
local record = redis.call('HMGET', KEYS[1], 'epoch', 'output', 'runs')
if redis.call('EXISTS', KEYS[1]) == 0 or record[1] and tonumber(record[1]) > tonumber(ARGV[2]) then
  return 'gone'
end
local over = record[2] == '1' or tonumber(record[3] or '0') >= tonumber(ARGV[3])
if over or redis.call('EXISTS', KEYS[7]) == 0 then
  redis.call('RPUSH', KEYS[6], ARGV[4])
  redis.call('PEXPIRE', KEYS[6], 60000)
  redis.call('DEL', KEYS[1], KEYS[2])
  return 'failed'
end
redis.call('HSET', KEYS[1], 'epoch', redis.call('INCR', KEYS[11]), 'worker', '')
local size = redis.call('STRLEN', KEYS[2])
redis.call('HSET', KEYS[9], ARGV[1], size)
redis.call('INCRBY', KEYS[10], size)
redis.call('LPUSH', KEYS[4], ARGV[1])
if redis.call('LLEN', KEYS[8]) == 0 then
  redis.call('RPUSH', KEYS[8], '1')
end
return 'requeued'
