#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs tests and counts them:  O=build/plain tests/check.sh [lint unit golden agree fuzz netns vm]
#
# A part is: unit: the programs of make (UNIT='layer…': of these layers); fuzz: every target over its seeds; lint:
# tests/lint.sh; agree: $O/agree; fuzzing: tests/fuzz/run.sh; and of every part the scripts tests/PART/*_test.sh
# and, if there is one, tests/PART/check.sh.  What a program prints as TAP ("ok 1 - name", "not ok 2 - name",
# "ok 3 - name # SKIP reason") is counted line by line; a program without TAP counts once, by its exit status
# (0 ok, 77 skipped: its last line is the reason).  Whole outputs stay in $O/check/.  With TALLY=file the three
# numbers are appended there; with FAILURES=file what failed, and the end of what it said, which is also printed
# once more before the tally.  TEST_TIMEOUT: seconds for one program.
set -u
cd "$(dirname "$0")/.." || exit 2
# libcheck gives a test 4 s unless the test says otherwise: too little under sanitizers on a busy machine.
export O=${O:-build/plain} LC_ALL=C.UTF-8 CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-60}
logs=$O/check
passed=0 failed=0 skipped=0
started=$SECONDS
mkdir -p "$logs" || exit 2
failures=$logs/failures
: >"$failures"

ok() { passed=$((passed + 1)); echo "ok      $1"; }
skip() { skipped=$((skipped + 1)); echo "skipped $1: $2"; }
not_ok() { failed=$((failed + 1)); echo "FAILED  $1" | tee -a "$failures"; }

# count NAME FILE: one result for every line of TAP.
count() {
	local line name reason
	while IFS= read -r line; do
		name=$(sed -E 's/^(not )?ok *[0-9]* *-? *//; s,^tests/unit/[^:]*:,,; s/ *# *(SKIP|TODO).*//I' <<<"$line")
		case $line in
		*'# SKIP'* | *'# skip'*)
			reason=${line#*# [Ss][Kk][Ii][Pp]}
			skip "$1: $name" "${reason# }" ;;
		ok*) ok "$1: ${name%: Passed}" ;;
		*) not_ok "$1: $name" ;;
		esac
	done < <(grep -E '^(not )?ok( |$)' "$2")
}

# run NAME COMMAND…
run() {
	local name=$1 rc bad
	local log=$logs/${name//\//-}.log tap=$logs/${name//\//-}.tap
	shift
	rm -f "$tap"
	CK_TAP_LOG_FILE_NAME=$tap CK_VERBOSITY=normal timeout -k 10 "${TEST_TIMEOUT:-1200}" "$@" </dev/null >"$log" 2>&1
	rc=$?
	[ -s "$tap" ] || tap=$log
	bad=$failed
	if grep -qE '^(not )?ok( |$)' "$tap"; then
		count "$name" "$tap"
		[ $rc = 0 ] || [ "$failed" != "$bad" ] || not_ok "$name: exit status $rc though every test passed"
	elif [ $rc = 77 ]; then
		skip "$name" "$(tail -n 1 "$log")"
	elif [ $rc = 0 ]; then
		ok "$name"
	else
		not_ok "$name: exit status $rc"
	fi
	[ "$failed" = "$bad" ] || { grep -vE '^ok ' "$log" | tail -n "${TAIL:-40}" | sed 's/^/	/'; echo "	(all of it: $log)"; } |
		tee -a "$failures"
}

# ThreadSanitizer does not go with much address space randomization.
unit() {
	local source test wrap=()
	[[ $O != *thread* ]] || ! setarch -R true 2>/dev/null || wrap=(setarch -R)
	for source in tests/unit/*/*_test.c; do
		test=${source#tests/unit/}
		test=${test%_test.c}
		[[ -z ${UNIT:-} || " $UNIT " == *" ${test%/*} "* ]] || continue
		run "unit/$test" "${wrap[@]}" "$O/t/${test}_test"
	done
}

fuzz() {
	local source name
	for source in tests/fuzz/*.c; do
		name=$(basename "$source" .c)
		[ -e "$source" ] && [ "$name" != main ] && run "fuzz/$name" "$O/fuzz/$name" "tests/fuzz/$name.in"
	done
}

lint() { run lint tests/lint.sh; }
fuzzing() { run fuzzing tests/fuzz/run.sh; }
agree() { [ ! -x "$O/agree" ] || run agree "$O/agree"; }

for part in "$@"; do
	began=$SECONDS before=$((passed + failed + skipped))
	[[ $part != netns && $part != vm ]] || export TEST_TIMEOUT=${TEST_TIMEOUT:-1800}     # their scenarios are one program
	case $part in lint | unit | fuzz | fuzzing | agree) $part ;; esac
	for script in tests/"$part"/check.sh tests/"$part"/*_test.sh; do
		[ -x "$script" ] || continue
		name=${script#tests/}
		name=${name%_test.sh}
		run "${name%/check.sh}" "$script"
	done
	[ $((passed + failed + skipped)) != "$before" ] || not_ok "$part: no tests found"
	echo "        ($part: $((SECONDS - began)) s)"
done
[ -z "${TALLY:-}" ] || echo "$passed $failed $skipped" >>"$TALLY"
[ -z "${FAILURES:-}" ] || cat "$failures" >>"$FAILURES"
[ ! -s "$failures" ] || { echo "=== what failed:"; cat "$failures"; }
echo "($((SECONDS - started)) s)"
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
