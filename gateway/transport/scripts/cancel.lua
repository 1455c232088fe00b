-- Ends a call without an answer: nothing of it is sent upstream if it still waits.
-- KEYS: 1 record (hash)  2 body (string)  3 queue (list)  4 sizes (hash)  5 waiting bytes (integer)
--       6 job (hash)
-- ARGV: 1 call id
-- Returns: the worker that runs it, '' when none did, nil when there is no such call.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return nil
end
local worker = redis.call('HGET', KEYS[1], 'worker') or ''
redis.call('DEL', KEYS[1], KEYS[2])
if worker == '' and redis.call('LREM', KEYS[3], 1, ARGV[1]) > 0 then
  redis.call('DECRBY', KEYS[5], tonumber(redis.call('HGET', KEYS[4], ARGV[1]) or '0'))
  redis.call('HDEL', KEYS[4], ARGV[1])
  redis.call('DEL', KEYS[6])
end
return worker
