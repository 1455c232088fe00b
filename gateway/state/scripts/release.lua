-- Gives a lease back, if the process still has it.
-- KEYS: 1 the lease (string)
-- ARGV: 1 the process
-- Returns: 1 = it had it, 0 = it did not
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
