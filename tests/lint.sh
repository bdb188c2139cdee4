#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What of the style a machine can check; each finding is one line file[:line]: message.  Needs a built tree for
# the symbols ($O, default build/plain).  LAYERS comes from the Makefile.  Proven by tests/lint_test.sh.
set -u
export LC_ALL=C.UTF-8
cd "${LINT_ROOT:-$(dirname "$0")/..}" || exit 2
O=${O:-build/plain}
LAYERS=${LAYERS:-$(sed -n 's/^LAYERS *:= *//p' Makefile)}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
found=$work/found
: >"$found"
say() { cat >>"$found"; }

find src tests packaging rules .ci Makefile -type f ! -path '*/.git/*' ! -path 'tests/golden/*' ! -path 'tests/fuzz/*.in/*' \
	! -path 'tests/replay/*' ! -path '*/__pycache__/*' 2>/dev/null | sort >"$work/files"
grep '\.[ch]$' "$work/files" >"$work/c"
grep '^src/.*\.[ch]$' "$work/c" >"$work/src"
in_files() { xargs -r -d '\n' "$@"; }

# Includes: only own and lower layers, no cycle of modules, own header first.
in_files grep -nH '^[ 	]*#[ 	]*include' <"$work/src" | awk -F: -v layers="$LAYERS" -v edges="$work/edges" '
BEGIN { n = split(layers, l, " "); for (i = 1; i <= n; i++) rank[l[i]] = i }
function module(path,  a, m) { split(path, a, "/"); m = a[2]; sub(/[_.].*/, "", m); return a[1] "/" m }
{
	file = $1; from = substr(file, 5); split(from, f, "/")
	first = !(file in seen); seen[file] = 1
	if (!(f[1] in rank)) { print file ": " f[1] "/ is no layer" }
	if (match($0, /"[^"]*"/)) {
		to = substr($0, RSTART + 1, RLENGTH - 2); split(to, t, "/")
		if (!(t[1] in rank))
			print file ":" $2 ": \"" to "\" is not named by its layer"
		else if (rank[t[1]] > rank[f[1]])
			print file ":" $2 ": " f[1] "/ may not include " to
		if (module(from) != module(to)) print module(from), module(to) > edges
	} else
		to = ""
	if (first && file ~ /\.c$/ && module(to) != module(from) && f[1] != "app")
		print file ":" $2 ": its own header comes first"
	if (to == "base/log.h" && from != "base/log.c" && rank[f[1]] < rank["run"])
		print file ":" $2 ": layers below run/ never log"
}' | say
[ ! -s "$work/edges" ] || sort -u "$work/edges" | tsort 2>&1 >/dev/null | sed -n '/loop/d; s/^tsort: /module cycle through /p' | say

# Global symbols start with their module.
if ls "$O"/*.a >/dev/null 2>&1; then
	nm -A -g --defined-only "$O"/*.a 2>/dev/null | awk -F: '{
		n = split($3, s, " "); m = $2; sub(/[_.].*/, "", m); name = s[n]
		if (index(name, m "_") != 1 && name != m && name !~ /^__/) print $1 "(" $2 "): symbol " name " lacks the prefix " m "_"
	}' | say
else
	echo "$O: not built, symbols cannot be checked" | say
fi

# Shape of the text.  A function is what stands between a { and a } in column 0.
in_files awk '
FNR == 1 { body = 0; if (FNR != NR && lines > 500) print last ": " lines " lines, at most 500"; last = FILENAME }
{
	lines = FNR; text = $0; width = 0
	for (i = 1; i <= length(text); i++) width = substr(text, i, 1) == "\t" ? int(width / 8 + 1) * 8 : width + 1
	if (width > 132 && FILENAME ~ "^src/") print FILENAME ":" FNR ": " width " columns, at most 132"
}
/[ \t]$/ { print FILENAME ":" FNR ": space at the end of the line" }
/^        / { print FILENAME ":" FNR ": indented by spaces" }
/^\{/ { body = FNR }
/^\}/ { if (body && FNR - body + 1 > 62) print FILENAME ":" body ": a function of " FNR - body - 1 " lines, at most 60"; body = 0 }
body && /^\t\t\t\t+(\} else )?(if|for|while|switch|do)( |$)/ { print FILENAME ":" FNR ": nested deeper than 3" }
/^typedef struct|^typedef enum|^typedef union/ { print FILENAME ":" FNR ": a typedef hides what it is" }
/(^|[^a-z_])goto / && !/goto out;/ { print FILENAME ":" FNR ": goto leads only to out" }
END { if (lines > 500) print last ": " lines " lines, at most 500" }' <"$work/c" | say

# Banned functions (names in comments and strings do not count), and shells.
in_files awk '
FNR == 1 { comment = 0 }
{
	code = $0; gsub(/\\./, "", code)
	if (comment) { if (!sub(/^.*\*\//, "", code)) next; comment = 0 }
	if (code !~ /^[ \t]*#/ && code ~ /"(\/bin\/|\/usr\/bin\/)?(ba|da|z|k)?sh( -c[^"]*)?"/) print FILENAME ":" FNR ": no shells"
	gsub(/"[^"]*"/, "\"\"", code); gsub(/\/\*[^*]*(\*[^\/*][^*]*)*\*\//, "", code)
	if (sub(/\/\*.*/, "", code)) comment = 1
	if (match(code, /(^|[^A-Za-z0-9_])(strcpy|stpcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca|system|popen)[ \t]*\(/))
		print FILENAME ":" FNR ": banned:" substr(code, RSTART, RLENGTH - 1)
}' <"$work/c" | say

# One foreign library, one place.
while read -r header place; do
	in_files grep -nHE "^#[ 	]*include <$header" <"$work/src" | awk -F: -v place="$place" -v h="$header" '
		$1 !~ "^src/(" place ")" { print $1 ":" $2 ": <" h "> belongs to " place }' | say
done <<'TABLE'
yaml\.h policy/doc\.c
libmnl/ kern/
libnftnl/ kern/
libnetfilter_ kern/
sqlite3\.h store/
urcu base/qs\.c
(sha1|sha2|md5)\.h base/digest\.c
gnutls/ ship/
curl/ ship/
librdkafka/ ship/
TABLE

# Licence tags: line 1, or line 2 behind #! or an XML or man page's own first line.
grep -E '\.(c|h|sh|py|yaml|yml|nft|service|1|5|7|8|bash|spec)$|^Makefile$|^\.ci/run$' "$work/files" | while IFS= read -r f; do
	head -n 2 "$f" | awk 'NR == 1 && /SPDX-License-Identifier: / { ok = 1 }
		NR == 1 && /^#!/ { script = 1 } NR == 2 && script && /SPDX-License-Identifier: / { ok = 1 } END { exit !ok }' ||
		echo "$f: SPDX line missing"
done | say

sort -u "$found"
[ ! -s "$found" ]
