#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_bench_get.sh - the bench of mrget still works: each client that is
# installed brings every byte, plain and over TLS.

MRGET=${MRGET-$(cd "${MR_BUILD:?}" && pwd)/mrget}
export MRGET
exec sh "${0%/*}/../bench/get.sh" --check
