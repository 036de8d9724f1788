-- SPDX-License-Identifier: MIT
--
-- post.lua - wrk posts 1 KiB of text.
wrk.method = "POST"
wrk.body = string.rep("0123456789abcdef", 64)
wrk.headers["Content-Type"] = "text/plain"
