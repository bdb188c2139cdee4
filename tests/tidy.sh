#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The slow checkers, on demand (make tidy [FILES='src/base/err.c …']): clang-tidy with the static analyzer, cppcheck
# and shellcheck.  Each runs where it is installed; exit status 1 when one of them found something.
set -u
cd "$(dirname "$0")/.." || exit 2
read -ra files <<<"${FILES:-$(find src -name '*.c' | sort | tr '\n' ' ')}"
flags=(-std=gnu11 -D_GNU_SOURCE '-DRINGFENCE_VERSION="tidy"' -Isrc)
# Not asked: checks that want Annex K, dislike C as it is, or do not know __attribute__((cleanup)) (leaks are
# AddressSanitizer's to find).
checks='-*,clang-analyzer-*,bugprone-*,performance-*,misc-redundant-expression,misc-misleading-bidirectional'
checks+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-bugprone-easily-swappable-parameters'
checks+=',-bugprone-narrowing-conversions,-bugprone-reserved-identifier,-bugprone-implicit-widening-of-multiplication-result'
checks+=',-bugprone-assignment-in-if-condition,-bugprone-macro-parentheses,-bugprone-branch-clone,-clang-analyzer-valist.Uninitialized'
checks+=',-clang-analyzer-unix.Malloc,-clang-analyzer-deadcode.DeadStores'
checks+=',-bugprone-signed-char-misuse,-bugprone-sizeof-expression,-performance-no-int-to-ptr,-bugprone-multiple-statement-macro'
rc=0
have() { command -v "$1" >/dev/null || { echo "tidy: $1 is not installed, left out" >&2; return 1; }; }

if have clang-tidy; then
	out=$(printf '%s\n' "${files[@]}" | xargs -P 2 -I{} clang-tidy --quiet --checks="$checks" {} -- "${flags[@]}" 2>/dev/null)
	[ -z "$out" ] || { printf '%s\n' "$out"; rc=1; }
fi
if have cppcheck; then
	cppcheck -q -j 2 --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --library=posix \
		--suppress=missingInclude --suppress=preprocessorErrorDirective --suppress=unknownMacro --suppress=memleak --suppress=resourceLeak --suppress=readdirCalled \
		-D_GNU_SOURCE '-DRINGFENCE_VERSION="tidy"' -Isrc "${files[@]}" || rc=1
fi
if have shellcheck; then
	mapfile -t scripts < <(grep -rlE '^#!/(usr/)?bin/(env )?(ba)?sh' tests packaging .ci 2>/dev/null)
	shellcheck -S warning "${scripts[@]}" || rc=1
fi
exit $rc
