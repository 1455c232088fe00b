-- Appends frames of several calls. Frames of a stale epoch or after the end are dropped, and the
-- first output is noted in the same step, so that no other worker runs the call again.
-- KEYS: four a frame: record (hash), body (string), replies (list), alive (string)
-- ARGV: four a frame: epoch, 1 if it has output, 1 if it ends the call, payload
-- Returns: for each frame 1 = appended, 0 = dropped, -1 = nobody is there to read it.
local results = {}
for i = 1, #KEYS, 4 do
  local record, replies = KEYS[i], KEYS[i + 2]
  if redis.call('HGET', record, 'epoch') ~= ARGV[i] then
    results[#results + 1] = 0
  elseif redis.call('EXISTS', KEYS[i + 3]) == 0 then
    redis.call('DEL', record, KEYS[i + 1])
    results[#results + 1] = -1
  else
    redis.call('RPUSH', replies, ARGV[i + 3])
    redis.call('PEXPIRE', replies, 60000)
    if ARGV[i + 2] == '1' then
      redis.call('DEL', record, KEYS[i + 1])
    elseif ARGV[i + 1] == '1' then
      redis.call('HSET', record, 'output', 1)
    end
    results[#results + 1] = 1
  end
end
return results
