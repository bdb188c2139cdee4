#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check's netns part: every scenario, or those named in NETNS='10-matrix 20-attacks'.
cd "$(dirname "$0")" || exit 2
if ! unshare --mount --pid --fork true 2>/dev/null && ! unshare --user --map-root-user --map-auto --mount --pid --fork true 2>/dev/null; then
	echo 'neither root nor user namespaces: no network namespaces can be made'
	exit 77
fi
# shellcheck disable=SC2086
exec ./run.sh ${NETNS:-}
