-- Appends frames of several calls. Frames of a stale epoch or after the end are dropped, and the
-- first output is noted in the same step, so that no other worker runs the call again. The frame
-- that ends an execution also takes the worker's claim away, whether it was dropped or not.
-- KEYS: six a frame: record (hash), body (string), job (hash), replies (list), alive (string),
--       claims (hash)
-- ARGV: 1 most frames in a reply list, then five a frame: call id, epoch, 1 if it has output,
--       1 if it ends the call, payload
-- Returns: for each frame 1 = appended, 0 = dropped, -1 = nobody is there to read it.
local results = {}
local most = tonumber(ARGV[1])
for i = 0, #KEYS / 6 - 1 do
  local record, body, job = KEYS[i * 6 + 1], KEYS[i * 6 + 2], KEYS[i * 6 + 3]
  local replies, alive, claims = KEYS[i * 6 + 4], KEYS[i * 6 + 5], KEYS[i * 6 + 6]
  local id, epoch, output = ARGV[i * 5 + 2], ARGV[i * 5 + 3], ARGV[i * 5 + 4]
  local terminal, payload = ARGV[i * 5 + 5] == '1', ARGV[i * 5 + 6]
  local result = 1
  -- What ends a call is deleted before anything is added: a full Redis takes that.
  if terminal and redis.call('HGET', claims, id) == epoch then
    redis.call('HDEL', claims, id)
  end
  if redis.call('HGET', record, 'epoch') ~= epoch then
    result = 0
  elseif redis.call('EXISTS', alive) == 0 or redis.call('LLEN', replies) >= most then
    redis.call('DEL', record, body, job)
    result = -1
  else
    if terminal then
      redis.call('DEL', record, body, job)
    elseif output == '1' then
      redis.call('HSET', record, 'output', 1)
    end
    redis.call('RPUSH', replies, payload)
    redis.call('PEXPIRE', replies, 60000)
  end
  results[#results + 1] = result
end
return results
