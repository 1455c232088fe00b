-- Takes a call from a worker that is dead or drains: runs it again if it gave no output, else ends
-- it with an error. Whatever the worker still sends for it is dropped from here on.
-- KEYS: 1 record (hash)  2 body (string)  3 claims (hash)  4 queue (list)  5 intermediate (list)
--       6 replies (list)  7 alive (string)  8 wake (list)  9 sizes (hash)  10 waiting bytes (integer)
--       11 epoch (integer)  12 job (hash)
-- ARGV: 1 call id  2 the worker's epoch  3 most runs  4 payload of the terminal error
--       5 runs to take back: 1 when the worker gives the call back by itself
-- Returns: 'requeued', 'failed' or 'gone'.
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then
  return 'gone'
end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('LREM', KEYS[5], 1, ARGV[1])
local record = redis.call('HMGET', KEYS[1], 'epoch', 'output', 'runs', 'call')
if not record[4] or record[1] and tonumber(record[1]) > tonumber(ARGV[2]) then
  return 'gone'
end
local runs = tonumber(record[3] or '0')
if record[1] == ARGV[2] then
  runs = runs - tonumber(ARGV[5])
end
local alive = redis.call('EXISTS', KEYS[7]) == 1
if record[2] == '1' or runs >= tonumber(ARGV[3]) or not alive then
  if alive then
    redis.call('RPUSH', KEYS[6], ARGV[4])
    redis.call('PEXPIRE', KEYS[6], 60000)
  end
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[12])
  return 'failed'
end
redis.call('HSET', KEYS[1], 'epoch', redis.call('INCR', KEYS[11]), 'worker', '', 'runs', runs)
redis.call('HSET', KEYS[12], 'status', 'queued', 'worker_name', '')
local size = redis.call('STRLEN', KEYS[2])
redis.call('HSET', KEYS[9], ARGV[1], size)
redis.call('INCRBY', KEYS[10], size)
redis.call('LPUSH', KEYS[4], ARGV[1])
if redis.call('LLEN', KEYS[8]) == 0 then
  redis.call('RPUSH', KEYS[8], '1')
end
return 'requeued'
