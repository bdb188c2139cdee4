#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Real packets through this kernel's table, in network namespaces of the test's own, against the naive evaluator: 80 policies,
# and as many more as it takes until every way of a flow was seen with every fate (agree-kernel --seed N --policies N for others);
# then where zones fail open (--fail 1), which changes nothing as long as somebody listens.
set -e
"${O:-build/plain}/agree-kernel"
exec "${O:-build/plain}/agree-kernel" --seed 2 --policies 40 --fail 1
