-- wrk script: sends ready-made requests in a ready-made order.
-- REQUESTS: a file of "<bytes>\n<request>" records, then "order\n" and one number (from 1) a line.
local requests, order, at = {}, {}, 0

function init(args)
  local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
  for line in file:lines() do
    if line == "order" then break end
    requests[#requests + 1] = file:read(tonumber(line))
  end
  for line in file:lines() do order[#order + 1] = tonumber(line) end
  file:close()
end

function request()
  at = at % #order + 1
  return requests[order[at]]
end

function done(summary, latency, _)
  local bad = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"bad":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    bad.status + bad.connect + bad.read + bad.write + bad.timeout))
end
