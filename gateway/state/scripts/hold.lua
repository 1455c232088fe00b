-- Takes a lease that nobody has, or renews it for whoever has it.
-- KEYS: 1 the lease (string)
-- ARGV: 1 the process  2 how long it then has it, in ms
-- Returns: 1 = the process has it, 0 = another does
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
