#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Plants each sin in a toy tree and sees that tests/lint.sh names it, and that the tree without it is clean.
# Prints TAP.
set -u
lint=$(cd "$(dirname "$0")/.." && pwd)/lint.sh
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
tag='/* SPDX-License-Identifier: GPL-2.0-or-later */'

toy() {
	rm -rf "$work/toy"
	mkdir -p "$work/toy/src/base" "$work/toy/src/policy" "$work/toy/src/store" "$work/toy/tests" "$work/toy/build/plain"
	cd "$work/toy" || exit 2
	printf '# SPDX-License-Identifier: GPL-2.0-or-later\nLAYERS := base policy store run app\n' >Makefile
	printf '%s\nint err_code(void);\n' "$tag" >src/base/err.h
	printf '%s\n#include "base/err.h"\n\nint err_code(void)\n{\n\treturn 1;\n}\n' "$tag" >src/base/err.c
	printf '%s\nint log_line(void);\n' "$tag" >src/base/log.h
	printf '%s\nint rule_load(void);\n' "$tag" >src/policy/rule.h
	printf '%s\n#include "policy/rule.h"\n\n#include "base/err.h"\n\nint rule_load(void)\n{\n\treturn err_code();\n}\n' "$tag" >src/policy/rule.c
	printf '#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-or-later\n' >tests/x.sh
}

build() {
	local layer
	for layer in base policy store; do
		rm -f "build/plain/$layer.a"
		for f in src/$layer/*.c; do
			[ ! -e "$f" ] || gcc -Isrc -c -o "build/plain/$(basename "$f" .c).o" "$f" 2>build/log || { cat build/log; return 1; }
			[ ! -e "$f" ] || ar rcs "build/plain/$layer.a" "build/plain/$(basename "$f" .c).o"
		done
	done
}

number=0
report() { number=$((number + 1)); echo "$1 $number - $2"; [ "$1" = ok ] || sed 's/^/# /' <<<"${3:-}"; }

# fault NAME EXPECTED SHELL: SHELL spoils the toy tree, lint must say EXPECTED and nothing else.
fault() {
	local out
	toy
	[ "${4:-}" != unbuilt ] || build
	eval "$3"
	[ "${4:-}" = unbuilt ] || build || { report 'not ok' "$1" 'the toy does not build'; return; }
	out=$(LINT_ROOT=$work/toy O=build/plain LAYERS='' sh "$lint" 2>&1) && { report 'not ok' "$1" 'lint found nothing'; return; }
	if grep -qvF -- "$2" <<<"$out"; then report 'not ok' "$1" "$out"; else report ok "$1"; fi
}
c=src/policy/rule.c
repeat() { local i; for ((i = 0; i < $1; i++)); do echo "$2"; done; }

toy
build
out=$(LINT_ROOT=$work/toy O=build/plain LAYERS='' sh "$lint" 2>&1) && report ok 'a clean tree is clean' || report 'not ok' 'a clean tree is clean' "$out"
fault 'include upwards' 'base/ may not include policy/rule.h' 'sed -i "3i#include \"policy/rule.h\"" src/base/err.c; sed -i "/base.err/d; s/err_code()/1/" $c'
fault 'include without layer' '"rule.h" is not named by its layer' 'echo "#include \"rule.h\"" >>$c; echo "$tag" >src/rule.h'
fault 'module cycle' 'module cycle through policy/' \
	'sed -i "3i#include \"policy/pack.h\"" $c; printf "%s\nint pack_x(void);\n" "$tag" >src/policy/pack.h; printf "%s\n#include \"policy/pack.h\"\n#include \"policy/rule.h\"\n" "$tag" >src/policy/pack.c'
fault 'own header not first' 'its own header comes first' 'sed -i "2i#include <stdio.h>" $c'
fault 'unknown layer' 'src/odd/x.h: odd/ is no layer' 'mkdir src/odd; printf "%s\n#include <stdio.h>\n" "$tag" >src/odd/x.h'
fault 'logging below run' 'layers below run/ never log' 'sed -i "4i#include \"base/log.h\"" $c'
fault 'symbol without prefix' 'symbol load lacks the prefix rule_' 'printf "int load;\n" >>$c'
fault 'not built' 'not built' 'rm -rf build' unbuilt
fault 'long function' 'a function of 61 lines' '{ printf "static int big(void)\n{\n"; repeat 60 "	err_code();"; printf "	return 0;\n}\n"; } >>$c'
fault 'long file' '501 lines, at most 500' 'repeat 492 "/* */" >>$c'
fault 'deep nesting' 'nested deeper than 3' 'sed -i "s/^	return err_code();/	if (1)\n		if (1)\n			if (1)\n				if (err_code())\n					return 1;\n	return 0;/" $c'
fault 'long line' '133 columns' 'printf "/* %127s */\n" x >>$c'
fault 'trailing space' 'space at the end' 'printf "/* */ \n" >>$c'
fault 'spaces for tabs' 'indented by spaces' 'printf "        /* */\n" >>$c'
fault 'typedef' 'a typedef hides' 'printf "typedef struct { int x; } t;\n" >>$c'
fault 'backward goto' 'goto leads only to out' 'sed -i "s/^	return err_code();/again:\n	if (err_code())\n		goto again;\n	return 0;/" $c'
for f in strcpy strcat sprintf strtok atoi gets alloca system popen; do
	fault "banned: $f" "banned:" "printf 'int rule_y(void);\nint rule_y(void)\n{\n\treturn $f();\n}\n' >>\$c" unbuilt
done
fault 'a shell' 'no shells' 'printf "const char *rule_sh = \"/bin/sh -c true\";\n" >>$c'
fault 'SQLite out of its place' '<sqlite3\.h> belongs to store/' 'sed -i "4i#include <sqlite3.h>" $c' unbuilt
fault 'netlink out of its place' 'belongs to kern/' 'sed -i "4i#include <libmnl/libmnl.h>" $c' unbuilt
fault 'no licence in C' 'src/policy/rule.c: SPDX line missing' 'sed -i 1d $c'
fault 'no licence in a script' 'tests/x.sh: SPDX line missing' 'sed -i 2d tests/x.sh'
fault 'licence below line 1' 'src/policy/rule.c: SPDX line missing' 'sed -i "1i/* */" $c'

toy
printf '/* never strcpy(x) nor\n * system(x) */\nconst char *rule_text = "system(1) and sh";\n' >>$c
build
out=$(LINT_ROOT=$work/toy O=build/plain LAYERS='' sh "$lint" 2>&1) && report ok 'names in comments and strings are no sins' || report 'not ok' 'names in comments and strings are no sins' "$out"
echo "1..$number"
