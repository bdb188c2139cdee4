#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Real packets through this kernel's table, in network namespaces of the test's own, against the naive evaluator: at least
# 2,000 pairs of policy and packet (agree-kernel --seed N --policies N for others); then where zones fail open (--fail 1), which
# changes nothing as long as somebody listens.
set -e
"${O:-build/plain}/agree-kernel"
exec "${O:-build/plain}/agree-kernel" --seed 2 --fail 1
