# bash completion for ppool-proxy, ppool-server, ppool-client, ppool-handler and ppool-ctl.  What can be typed is asked of the
# programs themselves, so it is that of the version installed.                                -*- shell-script -*-

# The options of a program, one a line; given an option, what stands for its value (empty: it takes none).
_ppool_options() {
	"$1" ${_ppool_command:-} --help-all 2>/dev/null | awk -v wanted="$2" '
		function tell(	k, choices) {
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

_ppool_daemon() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} value

	COMPREPLY=()
	if [[ $before == -* ]]; then
		value=$(_ppool_options "$1" "$before")
		case $value in
		*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$current"); return ;;
		TEXT | FILE | LIST) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
		?*) return ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_ppool_options "$1")" -- "$current")
}

# The members "$2" of what a daemon tells, asked with the options given so far.
_ppool_ask() {
	ppool-ctl "${_ppool_where[@]}" --json "$1" 2>/dev/null | grep -o "\"$2\":\"\?[^\",]*" | sed "s/\"$2\":\"\?//"
}

_ppool_ctl() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' verbs i
	local -a _ppool_where=()

	COMPREPLY=()
	verbs=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | -p | -i | -r | --socket | --port | --id | --pid | --runtime-dir)
			_ppool_where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}"); i=$((i + 1)) ;;
		-*) ;;
		*) verb=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $before in
	-s | --socket | -r | --runtime-dir) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	-p | --port | -i | --id | --pid) return ;;
	esac
	case $verb in
	'') mapfile -t COMPREPLY < <(compgen -W "$verbs -s -p -i -r --socket --port --id --pid --json --runtime-dir --help --version" \
		-- "$current") ;;
	drain | enable | disable | remove | wait) mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask servers id)" -- "$current") ;;
	explain) mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask policies policy)" -- "$current") ;;
	recycle) [[ $before == "$verb" ]] &&
		mapfile -t COMPREPLY < <(compgen -W "$(_ppool_ask workers slot)" -- "$current") ;;
	stop) mapfile -t COMPREPLY < <(compgen -W now -- "$current") ;;
	strikes) mapfile -t COMPREPLY < <(compgen -W "$([[ $before == clear ]] && _ppool_ask strikes fingerprint || echo clear)" \
		-- "$current") ;;
	events) mapfile -t COMPREPLY < <(compgen -W --follow -- "$current") ;;
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
