-- SPDX-License-Identifier: MIT
--
-- pipeline.lua [DEPTH [SCRIPT]] - wrk sends DEPTH (16) requests at once, as
-- SCRIPT (post.lua) sets them up.
--
--     wrk -s tests/bench/pipeline.lua URL -- 16 tests/bench/post.lua
local requests

function init(args)
    local depth = tonumber(args[1]) or 16
    local parts = {}

    if args[2] then
        dofile(args[2])
    end
    for i = 1, depth do
        parts[i] = wrk.format()
    end
    requests = table.concat(parts)
end

function request()
    return requests
end
