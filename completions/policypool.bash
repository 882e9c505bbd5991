# bash completion for ppool-proxy, ppool-server, ppool-client, ppool-handler and ppool-ctl.  What can be typed is asked of the
# programs themselves, so it is that of the version installed.                                -*- shell-script -*-

# The options of a program, one a line; given an option, what stands for its value (empty: it takes none).
_ppool_options() {
	"$1" ${_ppool_command:-} --help-all 2>/dev/null | awk -v wanted="$2" '
		function tell(	k, choices) {
			if (value ~ /^(TEXT|LIST)$/ && help ~ / (file|folder|path|program) |where (the|those)/) value = "FILE"
			if (value == "WORD" && match(help, /\([^()]*; default [^()]*\)$/)) {
				choices = substr(help, RSTART + 1)
				sub(/;.*/, "", choices); gsub(/, /, "|", choices); value = choices
			}
			for (k = 1; k <= names; k++) if (wanted == "") print name[k]
				else if (name[k] == wanted) print value
			names = 0
		}
		/^  -/ {
			tell()
			text = substr($0, 3); value = ""; n = split(text, word, /[ ]+/)
			for (i = 1; i <= n && word[i] ~ /^-/; i++) { name[++names] = word[i]; sub(/,$/, "", name[names]) }
			if (i <= n && word[i] ~ /^[A-Z]+$/) value = word[i++]
			for (help = ""; i <= n; i++) help = help " " word[i]
			next
		}
		/^[^ ]/ { tell(); next }
		{ sub(/^ +/, " "); help = help $0 }
		END { tell() }'
}

# The members "$2" of what a daemon tells, asked with the options given so far.
_ppool_ask() {
	ppool-ctl "${_ppool_where[@]}" --json "$1" 2>/dev/null | grep -o "\"$2\":\"\?[^\",]*" | sed "s/\"$2\":\"\?//" | sort -u
}

# Ports of the proxies, or ids of the servers, that run here: their control sockets have them in their names.
_ppool_running() {
	_ppool_ask list name | sed -n "s/^ppool-$1-//p"
}

_ppool_daemon() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} value

	local -a _ppool_where=()

	COMPREPLY=()
	case ${before/#--/-} in
	-revproc) _ppool_last_of "$current" "$(_ppool_running proxy)"; return ;;
	-pp | -policy) mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask policies policy)" -- "$current"); return ;;
	-user | -handler-user | -listen-owner) mapfile -t COMPREPLY < <(compgen -u -- "$current"); return ;;
	-group | -listen-group) mapfile -t COMPREPLY < <(compgen -g -- "$current"); return ;;
	esac
	if [[ $before == -* ]]; then
		value=$(_ppool_options "$1" "$before")
		case $value in
		*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$current"); return ;;
		FILE) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
		?*) return ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_ppool_options "$1")" -- "$current")
}

# A command of which nothing is changed, for its columns: what has been typed, or servers.
_ppool_looks() {
	case $1 in
	list | workers | deaths | handlers | policies | events) echo "$1" ;;
	*) echo servers ;;
	esac
}

# Words for the last item of a list "$1" that is parted by commas.
_ppool_last_of() {
	local last=${1##*,}

	mapfile -t COMPREPLY < <(compgen -P "${1%"$last"}" -W "$2" -- "$last")
}

_ppool_ctl() {
	local options='-s -p -i -r -o -w --socket --port --id --pid --json --csv --columns --wide --sort --policy --state --color
		--runtime-dir --help --help-all --version'
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' verbs value='' i
	local -a _ppool_where=()

	COMPREPLY=()
	verbs=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | -p | -i | -r | --socket | --port | --id | --pid | --runtime-dir)
			((i + 1 < COMP_CWORD)) && _ppool_where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			i=$((i + 1)) ;;
		-o | --columns | --sort | --policy | --state | --color) i=$((i + 1)) ;;
		-*) ;;
		*) [[ -n $verb ]] || verb=${COMP_WORDS[i]} ;;
		esac
	done
	case $before in
	-s | --socket | -r | --runtime-dir) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	-p | --port) value=$(_ppool_running proxy) ;;
	-i | --id) value=$(_ppool_running server) ;;
	--pid) value=$(_ppool_ask list pid) ;;
	--color) value='auto always never' ;;
	--policy) value=$(_ppool_ask policies policy) ;;
	--state) value=$(_ppool_ask "$(_ppool_looks "$verb")" state) ;;
	-o | --columns | --sort) value=$("$1" "${_ppool_where[@]}" --csv "$(_ppool_looks "$verb")" 2>/dev/null | head -n 1 | tr , ' ') ;;
	esac
	case $before in
	-p | --port | -i | --id | --pid | --color | --policy | --state | -o | --columns | --sort)
		_ppool_last_of "$current" "$value"
		return ;;
	esac
	if [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs $options" -- "$current")
		return
	fi
	if [[ $current == -* && $verb != events ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		return
	fi
	case $verb in
	server | drain | enable | disable | remove | wait) mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask servers id)" -- "$current") ;;
	explain) mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask policies policy)" -- "$current") ;;
	recycle) [[ $before == "$verb" ]] &&
		mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask workers slot)" -- "$current") ;;
	stop) mapfile -t COMPREPLY < <(compgen -W now -- "$current") ;;
	strikes) mapfile -t COMPREPLY < <(compgen -W "$([[ $before == clear ]] && _ppool_ask strikes fingerprint || echo clear)" \
		-- "$current") ;;
	events) mapfile -t COMPREPLY < <(compgen -W "--follow $options" -- "$current") ;;
	esac
}

# A command first; the rest is options, of the command, and files.
_ppool_handler() {
	local current=${COMP_WORDS[COMP_CWORD]} _ppool_command=${COMP_WORDS[1]}

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "new check bench --help --version" -- "$current")
	elif [[ $_ppool_command == new ]]; then
		((COMP_CWORD == 2)) && mapfile -t COMPREPLY < <(compgen -W \
			"$("$1" --help 2>/dev/null | sed -n 's/.*languages: //p')" -- "$current")
	elif [[ $current == -* || ${COMP_WORDS[COMP_CWORD - 1]} == -* ]]; then
		_ppool_daemon "$1"
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}

complete -F _ppool_daemon ppool-proxy ppool-server ppool-client
complete -F _ppool_handler ppool-handler
complete -F _ppool_ctl ppool-ctl
