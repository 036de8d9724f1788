#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_bench_core.sh - the bench of the core still builds its peers (those that
# are installed), each still runs, and every figure of ours comes.

exec sh "${0%/*}/../bench/core.sh" --check
