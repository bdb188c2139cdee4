#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Inside the machine: what the stock kernel does with real packets is what the naive evaluator says; and after each of some
# hundred random changes its table is what the judge says (2,000 of them are among the unit tests, on the build machine's kernel).
cd "$(dirname "$0")/../.." || exit 2
O=${O:-build/plain}
"$O/agree-kernel" --seed "${SEED:-8}" --policies "${POLICIES:-30}" || bad=1
CHANGES=${CHANGES:-200} CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent "$O/t/run/change_live_test" || bad=1
exit ${bad:-0}
