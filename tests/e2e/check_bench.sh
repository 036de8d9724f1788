#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_bench.sh - the bench of the servers still builds its peers, those that
# are installed still start, answer alike and take the load, and every figure
# of ours comes.

exec sh "${0%/*}/../bench/servers.sh" --check
