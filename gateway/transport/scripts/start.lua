-- Begins an execution: from here on only frames of its epoch count.
-- KEYS: 1 record (hash)  2 body (string)  3 claims (hash)  4 job (hash)  5 intermediate (list)
-- ARGV: 1 call id  2 epoch  3 worker id  4 the time as RQ writes it
-- Returns: {call, job data, web, runs, body}, or nil when the call was cancelled or taken over.
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then
  return nil
end
redis.call('LREM', KEYS[5], 1, ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HDEL', KEYS[3], ARGV[1])
  return nil
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'worker', ARGV[3])
local runs = redis.call('HINCRBY', KEYS[1], 'runs', 1)
redis.call('HSET', KEYS[4], 'status', 'started', 'worker_name', ARGV[3],
  'started_at', ARGV[4], 'last_heartbeat', ARGV[4])
local record = redis.call('HMGET', KEYS[1], 'call', 'web')
local data = redis.call('HGET', KEYS[4], 'data') or ''
return {record[1], data, record[2], runs, redis.call('GET', KEYS[2]) or ''}
