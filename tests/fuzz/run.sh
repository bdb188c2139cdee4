#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real fuzzing: builds every target with clang's libFuzzer, AddressSanitizer and UBSan, then runs each for
# SECONDS_EACH (default 60) over its seeds, two at a time.  Arguments: targets (default: all).
# Prints TAP; a crashing input stays in build/fuzz/crashes/.  What was found worth keeping grows in build/fuzz/corpus/.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=${SECONDS_EACH:-60}
export san=fuzzer-no-link,address,undefined
O=build/${san//,/-}-clang
work=build/fuzz
mkdir -p "$work/corpus" "$work/crashes"
make -s -j2 CC=clang SAN=$san fuzzers >"$work/build.log" 2>&1 || {
	tail -n 30 "$work/build.log"
	echo "not ok - fuzz targets build with clang"
	exit 1
}
[ $# -gt 0 ] || mapfile -t targets < <(basename -s .c tests/fuzz/*.c | grep -vx main)

fuzz_one() {
	local name=$1 O=$2 work=$3 seconds=$4 log=$3/$1.log dict=
	mkdir -p "$work/corpus/$name"
	[ ! -e "tests/fuzz/$name.dict" ] || dict=-dict=tests/fuzz/$name.dict
	if "$O/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -verbosity=1 -print_final_stats=1 \
		$dict -artifact_prefix="$work/crashes/$name-" "$work/corpus/$name" "tests/fuzz/$name.in" >"$log" 2>&1 </dev/null; then
		echo "ok - fuzz $name for $seconds s: $(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$log")"
	else
		grep -vE '^#[0-9]+' "$log" | tail -n 40 | sed 's/^/# /'
		echo "not ok - fuzz $name: see $log and $work/crashes/"
		return 1
	fi
}
export -f fuzz_one
printf '%s\n' "${@:-${targets[@]}}" | xargs -P 2 -I{} bash -c 'fuzz_one "$@"' - {} "$O" "$work" "$seconds"
