#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Real packets through this kernel's table, in a network namespace of the test's own, against the naive evaluator.
exec "${O:-build/plain}/agree-kernel"
