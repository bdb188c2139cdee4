# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for ringfence(8): the program itself is asked for its commands and their options.
_ringfence() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-p|--policy|--data|--state|--run|--socket) ((i++)) ;;
		-*) ;;
		*) cmd=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $cmd$prev in
	top--by) COMPREPLY=($(compgen -W "flow device rule" -- "$cur")); return ;;
	esac
	case $prev in
	-p|--policy|--data|--state|--run|--socket) COMPREPLY=($(compgen -f -- "$cur")); return ;;
	esac
	if [ -z "$cmd" ]; then
		COMPREPLY=($(compgen -W "$(ringfence help --words 2>/dev/null) --policy --json --data --state --run --help --version" -- "$cur"))
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(ringfence help --words "$cmd" 2>/dev/null) --json --help" -- "$cur"))
	else
		case $cmd in
		replay|diff|init) COMPREPLY=($(compgen -f -- "$cur")) ;;
		show) COMPREPLY=($(compgen -W "policy program plan kernel schema" -- "$cur")) ;;
		*) COMPREPLY=() ;;
		esac
	fi
}
complete -F _ringfence ringfence
