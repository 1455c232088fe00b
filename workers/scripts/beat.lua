-- Notes that a job still runs. Writes nothing anew: it may come after the job's end.
-- KEYS: 1 execution (hash)  2 the job's executions (zset)  3 started registry (zset)
-- ARGV: 1 job id:execution id  2 now in s  3 lifetime in s
-- Returns: 1.
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[3], 'XX', tonumber(ARGV[2]) + tonumber(ARGV[3]), ARGV[1])
return 1
