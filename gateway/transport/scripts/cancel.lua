-- Ends a call without an answer: nothing of it is sent upstream if it still waits.
-- KEYS: 1 record (hash)  2 body (string)  3 queue (list)  4 sizes (hash)  5 waiting bytes (integer)
--       6 job (hash)  7 replies (list)  8 alive (string)
-- ARGV: 1 call id  2 payload of a terminal error for its reader, or ''
--       3 1 = only if it still waits
-- Returns: the worker that runs it, '' when none did, nil when there is no such call (or, with
--          ARGV 3, when a worker has it).
local record = redis.call('HMGET', KEYS[1], 'call', 'worker')
if not record[1] then
  return nil
end
local worker = record[2] or ''
if ARGV[3] == '1' and redis.call('LREM', KEYS[3], 1, ARGV[1]) == 0 then
  return nil
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[6])
if ARGV[2] ~= '' and redis.call('EXISTS', KEYS[8]) == 1 then
  redis.call('RPUSH', KEYS[7], ARGV[2])
  redis.call('PEXPIRE', KEYS[7], 60000)
end
if ARGV[3] == '1' or redis.call('LREM', KEYS[3], 1, ARGV[1]) > 0 then
  redis.call('DECRBY', KEYS[5], tonumber(redis.call('HGET', KEYS[4], ARGV[1]) or '0'))
  redis.call('HDEL', KEYS[4], ARGV[1])
end
return worker
