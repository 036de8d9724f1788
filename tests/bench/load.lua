-- SPDX-License-Identifier: MIT
--
-- load.lua KIND [DATE] - what wrk sends for servers.sh, and what it says at the
-- end: one line of requests, seconds, the 50th, 99th and 99.9th percentile in
-- us, and errors, behind the word "figures".
local requests

local browser = {
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " ..
        "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9," ..
        "image/avif,image/webp,*/*;q=0.8",
    ["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8",
    ["Accept-Encoding"] = "gzip, deflate, br",
    ["Cookie"] = "id=4f1c2a9be07d4d58; theme=dark; consent=1",
    ["Referer"] = "http://www.example.org/some/page.html",
    ["Upgrade-Insecure-Requests"] = "1",
    ["Cache-Control"] = "max-age=0",
    ["Connection"] = "keep-alive",
}

function init(args)
    local kind, depth = args[1], 1
    local parts = {}

    if kind == "browser" then
        for name, value in pairs(browser) do -- beside Host
            wrk.headers[name] = value
        end
    elseif kind == "pipelined" then
        depth = 16
    elseif kind == "post" then
        wrk.method = "POST"
        wrk.body = string.rep("0123456789abcdef", 64)
        wrk.headers["Content-Type"] = "text/plain"
    elseif kind == "close" or kind == "handshake" then
        wrk.headers["Connection"] = "close"
    elseif kind == "same" then
        wrk.headers["If-Modified-Since"] = args[2]
    end
    for i = 1, depth do
        parts[i] = wrk.format()
    end
    requests = table.concat(parts)
end

function request()
    return requests
end

function done(summary, latency)
    local e = summary.errors

    io.write(string.format("figures\t%d\t%.3f\t%d\t%d\t%d\t%d\n",
        summary.requests, summary.duration / 1e6, latency:percentile(50),
        latency:percentile(99), latency:percentile(99.9),
        e.connect + e.read + e.write + e.status + e.timeout))
end
