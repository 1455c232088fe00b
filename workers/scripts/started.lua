-- Notes that a job runs, as RQ's own worker does.
-- KEYS: 1 execution (hash)  2 the job's executions (zset)  3 started registry (zset)
--       4 the worker's executions (set)
-- ARGV: 1 job id  2 execution id  3 worker name  4 now in s  5 lifetime in s  6 job id:execution id
-- Returns: 1.
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'job_id', ARGV[1], 'worker_name', ARGV[3],
  'created_at', ARGV[4], 'last_heartbeat', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
local ends = tonumber(ARGV[4]) + tonumber(ARGV[5])
redis.call('ZADD', KEYS[2], ends, ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('ZADD', KEYS[3], ends, ARGV[6])
redis.call('SADD', KEYS[4], ARGV[6])
return 1
