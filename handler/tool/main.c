/* main.c - ppool-handler(1): makes, checks and measures handlers of ppool-server(8). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler_bench.h"
#include "handler_check.h"
#include "handler_new.h"
#include "privdrop.h"
#include "process_init.h"
#include "server_conf.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char program[] = "ppool-handler";

/* The options of bench. */
struct bench_conf {
	uint64_t size, duration;
	char *payload;
};

#define AT(member) offsetof(struct bench_conf, member)

static const struct conf_key bench_keys[] = {
	{.name = "duration",
	 .type = CONF_DURATION,
	 .offset = AT(duration),
	 .fallback = "3s",
	 .min = 1,
	 .max = (uint64_t)3600 * 1000,
	 .help = "bench: how long jobs are sent"},
	{.name = "size",
	 .type = CONF_SIZE,
	 .offset = AT(size),
	 .fallback = "256",
	 .max = (uint64_t)64 << 20,
	 .help = "bench: bytes of the payload, a text of one letter"},
	{.name = "payload",
	 .type = CONF_TEXT,
	 .offset = AT(payload),
	 .max = (uint64_t)64 << 20,
	 .help = "bench: the payload"},
};

struct tool {
	struct settings *settings; /* a server's */
	struct bench_conf bench;
	struct conf_table table[SETTINGS_TABLES + 1];
	size_t tables;
	struct conf_command command;
};

static struct handler_conf *
handler_of(const struct tool *t)
{
	return &((struct server_settings *)(void *)t->settings)->server.handler;
}

static int
usage(FILE *out)
{
	(void)fprintf(out,
		      "usage: %s new LANGUAGE NAME\n"
		      "       %s check [OPTION ...] PROGRAM [ARGUMENT ...]\n"
		      "       %s check [OPTION ...] -c FILE\n"
		      "       %s bench [OPTION ...] PROGRAM [ARGUMENT ...] | -c FILE\n\n"
		      "  new    makes a folder with a handler to begin with; languages: ",
		      program, program, program, program);
	handler_new_languages(out);
	(void)fputs(
		"\n  check  does it do what a handler must?  status 0 only if all is well\n"
		"  bench  how many jobs a second does it do?\n\n"
		"PROGRAM is one that takes jobs as lines; with --handler exec-once one that is\n"
		"run for each; or a module, NAME.so.  FILE is the server's configuration.\n",
		out);
	return out == stderr ? STATUS_USAGE : 0;
}

static int
help(const struct tool *t, bool all)
{
	static const char *const usual[] = {"handler",
					    "job_timeout",
					    "handler_start_timeout",
					    "handler_processes",
					    "handler_env",
					    "handler_setting",
					    "duration",
					    "size",
					    "payload",
					    NULL};

	(void)usage(stdout);
	(void)puts("");
	conf_help(t->table, t->tables, all ? NULL : usual, stdout);
	return 0;
}

/* ---- which handler ---- */

static int
refuse(const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s: %s\n", program, what, why);
	return -1;
}

static int
set_text(char **to, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return refuse(text, "out of memory");
	free(*to);
	*to = copy;
	return 0;
}

static bool
is_module(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && strcmp(path + n - 3, ".so") == 0;
}

/* A handler does not start in this folder. */
static const char *
absolute(const char *path, char out[PATH_MAX])
{
	if (strchr(path, '/') == NULL && !is_module(path))
		return path; /* to be found in PATH */
	return realpath(path, out) != NULL ? out : path;
}

/* With the word as it was given. */
static int
check_word(const char *path)
{
	return strchr(path, '/') == NULL || access(path, F_OK) == 0 ? 0
								    : refuse(path, strerror(errno));
}

static int
take_command(struct handler_conf *h, int argc, char *argv[])
{
	char path[PATH_MAX];

	if (check_word(argv[0]) < 0)
		return -1;
	h->command.item = calloc((size_t)argc, sizeof *h->command.item);
	if (h->command.item == NULL)
		return refuse(argv[0], "out of memory");
	for (; h->command.n < (size_t)argc; h->command.n++) {
		const char *word = argv[h->command.n];

		if (set_text(&h->command.item[h->command.n],
			     h->command.n == 0 ? absolute(word, path) : word) < 0)
			return -1;
	}
	return 0;
}

/* The words behind the options. */
static int
take_program(struct tool *t, int argc, char *argv[])
{
	struct handler_conf *h = handler_of(t);
	char path[PATH_MAX];

	if (h->command.n > 0 || h->module[0] != '\0')
		return refuse(argv[0], "the configuration names the handler already");
	if (h->kind == HANDLER_NONE)
		h->kind = is_module(argv[0]) ? HANDLER_MODULE : HANDLER_EXEC;
	if (h->job[0] == '\0' && set_text(&h->job, "check") < 0)
		return -1;
	if (h->kind != HANDLER_MODULE)
		return take_command(h, argc, argv);
	if (argc > 1)
		return refuse(argv[1],
			      "a module has no arguments; --handler-setting key=value is for them");
	if (check_word(argv[0]) < 0)
		return -1;
	return set_text(&h->module, absolute(argv[0], path));
}

static int
find_handler(struct tool *t, int argc, char *argv[])
{
	struct server_settings *s = (struct server_settings *)(void *)t->settings;
	int rest = t->command.rest;

	if (rest < argc && take_program(t, argc - rest, argv + rest) < 0)
		return -1;
	if (handler_of(t)->kind == HANDLER_NONE)
		return refuse("what is to be run?",
			      "a PROGRAM, or -c FILE with a handler, is needed");
	/* As whom it runs. */
	if (privdrop_check(&t->settings->daemon.isolation, program, stderr) < 0)
		return -1;
	return handler_conf_check(&s->server.handler, &t->settings->daemon,
				  s->server.handler_origin, program, stderr);
}

/* ---- the commands ---- */

static int
check(const struct tool *t)
{
	return handler_check(handler_of(t), &t->settings->daemon, stdout);
}

static int
bench(const struct tool *t)
{
	const struct bench_conf *c = &t->bench;
	struct handler_bench b = {
		.handler = handler_of(t), .daemon = &t->settings->daemon, .duration = c->duration};
	char *text = malloc((size_t)c->size + 1);
	int status;

	if (text == NULL)
		return refuse("bench", "out of memory") < 0 ? STATUS_FAILED : 0;
	memset(text, 'x', (size_t)c->size);
	b.payload = c->payload[0] != '\0' ? span_str(c->payload) : span_of(text, (size_t)c->size);
	status = handler_bench(&b, stdout, stderr);
	free(text);
	return status;
}

static int new (int argc, char *argv[])
{
	if (argc > 0 && (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0))
		return usage(stdout);
	if (argc != 2)
		return usage(stderr);
	return handler_new(argv[0], argv[1], stdout, stderr);
}

/* argv[0] is the command. */
static int
obey(struct tool *t, int argc, char *argv[], int (*command)(const struct tool *))
{
	static char own_name[] = "ppool-handler";
	char **words = calloc((size_t)argc + 1, sizeof *words);
	int status = STATUS_USAGE;

	if (words == NULL)
		return STATUS_FAILED;
	memcpy(words, argv, (size_t)argc * sizeof *words);
	words[0] = own_name; /* which errors begin with */
	if (conf_load(t->table, t->tables, argc, words, NULL, &t->command, stderr) < 0)
		status = STATUS_USAGE;
	else if (t->command.help || t->command.help_all)
		status = help(t, t->command.help_all);
	else if (find_handler(t, argc, words) == 0)
		status = command(t);
	free(words);
	return status;
}

static int
run(int argc, char *argv[], int (*command)(const struct tool *))
{
	struct tool t = {.settings = settings_new(&server_settings_kind)};
	int status = STATUS_FAILED;

	if (t.settings == NULL)
		return STATUS_FAILED;
	t.tables = t.settings->tables;
	memcpy(t.table, t.settings->table, t.tables * sizeof *t.table);
	t.table[t.tables++] = (struct conf_table){.key = bench_keys,
						  .n = sizeof bench_keys / sizeof *bench_keys,
						  .settings = &t.bench,
						  .title = "bench"};
	status = obey(&t, argc, argv, command);
	free(t.bench.payload);
	settings_release(t.settings);
	return status;
}

static int
choose(int argc, char *argv[])
{
	const char *word = argc > 1 ? argv[1] : "";

	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		return usage(stdout);
	if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
		(void)printf("%s %s\n", program, POLICYPOOL_VERSION);
		return 0;
	}
	if (strcmp(word, "new") == 0)
		return new (argc - 2, argv + 2);
	if (strcmp(word, "check") == 0)
		return run(argc - 1, argv + 1, check);
	if (strcmp(word, "bench") == 0)
		return run(argc - 1, argv + 1, bench);
	if (word[0] != '\0')
		(void)refuse(word, "no such command");
	return usage(stderr);
}

int
main(int argc, char *argv[])
{
	process_init(PROCESS_COMMAND);
	return process_status(program, choose(argc, argv));
}
