-- Appends frames of several calls. Frames of a stale epoch or after the end are dropped, and the
-- first output is noted in the same step, so that no other worker runs the call again.
-- KEYS: five a frame: record (hash), body (string), job (hash), replies (list), alive (string)
-- ARGV: 1 most frames in a reply list, then four a frame: epoch, 1 if it has output,
--       1 if it ends the call, payload
-- Returns: for each frame 1 = appended, 0 = dropped, -1 = nobody is there to read it.
local results = {}
local most = tonumber(ARGV[1])
for i = 0, #KEYS / 5 - 1 do
  local record, body, job = KEYS[i * 5 + 1], KEYS[i * 5 + 2], KEYS[i * 5 + 3]
  local replies, alive = KEYS[i * 5 + 4], KEYS[i * 5 + 5]
  local epoch, output, terminal = ARGV[i * 4 + 2], ARGV[i * 4 + 3], ARGV[i * 4 + 4]
  local result = 1
  if redis.call('HGET', record, 'epoch') ~= epoch then
    result = 0
  elseif redis.call('EXISTS', alive) == 0 then
    redis.call('DEL', record, body, job)
    result = -1
  else
    local length = redis.call('RPUSH', replies, ARGV[i * 4 + 5])
    redis.call('PEXPIRE', replies, 60000)
    if length > most then
      redis.call('RPOP', replies)
      redis.call('DEL', record, body, job)
      result = -1
    elseif terminal == '1' then
      redis.call('DEL', record, body, job)
    elseif output == '1' then
      redis.call('HSET', record, 'output', 1)
    end
  end
  results[#results + 1] = result
end
return results
