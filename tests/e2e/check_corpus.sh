#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_corpus.sh - the requests of tests/http/corpus once more, each cut in two
# at every place; `make test` takes a third of them.

CORPUS_ALL=1 MR_TEST_DEADLINE=400 exec "$MR_BUILD/tests/http/test_corpus"
