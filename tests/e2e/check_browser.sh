#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_browser.sh - Chromium, headless, on every page of ours: browser/*.js.
# KEEP=1 keeps the screenshots, in a temporary directory that is named. ONLY
# is one of the parts: pages, upload, video, chat, events.

set -u
. "${0%/*}/../site.sh"
cd "${0%/*}/../.." || exit 1

# all.js counts, and starts servers of its own.
E2E_TMP=$tmp NODE_PATH=${MR_BUILD:-build/release}/browser/node_modules \
    timeout 400 node tests/e2e/browser/all.js
