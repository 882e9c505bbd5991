/* handler_command.c - see handler_command.h. */
#include "handler_command.h"

#include <string.h>

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* A version may follow: python3.11, lua5.4. */
static bool
is_called(const char *program, const char *name)
{
	const char *base = base_of(program);
	size_t n = strlen(name);

	return strncmp(base, name, n) == 0 && base[n + strspn(base + n, "0123456789.")] == '\0';
}

static bool
is_node(const char *program)
{
	return is_called(program, "node") || is_called(program, "nodejs");
}

static bool
is_interpreter(const char *program)
{
	static const char *const names[] = {"python", "perl", "ruby", "php", "lua", "tclsh", "sh",
					    "bash",   "dash", "ksh",  "zsh", "env", NULL};

	for (const char *const *name = names; *name != NULL; name++)
		if (is_called(program, *name))
			return true;
	return is_node(program);
}

/* The place of the script; 0: there is none. */
static size_t
find(const struct conf_list *command)
{
	if (!is_interpreter(command->item[0]))
		return 0;
	for (size_t i = 1; i < command->n; i++) {
		const char *word = command->item[i];

		if (strcmp(word, "-c") == 0 || strcmp(word, "-e") == 0)
			return 0; /* what follows is code */
		if (word[0] != '-' && strchr(word, '=') == NULL && !is_interpreter(word))
			return i;
	}
	return 0;
}

const char *
handler_command_runs(const struct conf_list *command)
{
	return command->item[find(command)];
}

/* In no interpreter do these take another word. */
static bool
stands_alone(const char *option)
{
	return strcmp(option, "-u") == 0 || strcmp(option, "-w") == 0 || strcmp(option, "--") == 0;
}

/* Node finds "app" as app.js, or as a folder. */
static bool
is_completed(const char *interpreter, const char *script)
{
	return is_node(interpreter) && strchr(base_of(script), '.') == NULL;
}

const char *
handler_command_script(const struct conf_list *command, bool *certain)
{
	size_t i = find(command);
	const char *before, *script = command->item[i];

	if (i == 0 || strchr(script, '/') == NULL)
		return NULL;
	before = command->item[i - 1];
	*certain = before[0] == '-' ? stands_alone(before) : !is_completed(before, script);
	return script;
}
