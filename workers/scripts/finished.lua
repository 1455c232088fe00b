-- Forgets an execution and counts it for its worker. The job goes with the call's last frame.
-- KEYS: 1 started registry (zset)  2 the worker's executions (set)  3 execution (hash)
--       4 the job's executions (zset)  5 worker (hash)
-- ARGV: 1 job id:execution id  2 the counter's field  3 seconds worked
-- Returns: 1.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3], KEYS[4])
redis.call('HINCRBY', KEYS[5], ARGV[2], 1)
redis.call('HINCRBYFLOAT', KEYS[5], 'total_working_time', ARGV[3])
return 1
