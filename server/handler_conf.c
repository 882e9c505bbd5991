/* handler_conf.c - see handler_conf.h. */
#include "handler_conf.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_check.h"
#include "handler_module.h"
#include "pseudonym.h"

#define AT(member) offsetof(struct handler_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)

enum { PACKET_HEAD = 512 }; /* bytes of a reply beside its payload, with ids as they usually are */

static const char *const kinds[] = {"none", "exec", "exec-once", "module", "pseudonym", NULL};
const char *
handler_kind_text(int kind)
{
	return kinds[kind];
}

static const char *const repeatables[] = {"auto", "yes", "no", NULL};

static const char *const signal_names[] = {"ABRT", "TERM", "INT",  "QUIT", "HUP",
					   "USR1", "USR2", "KILL", NULL};
static const int signals[] = {SIGABRT, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL};

const char *const handler_default_env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};

/* ---- single keys ---- */

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static size_t
name_length(const char *text)
{
	size_t n = strspn(text, name_bytes);

	return n > 0 && text[n] == '=' ? n : 0;
}

static const char *
judge_env(const char *text)
{
	return name_length(text) > 0 && (text[0] < '0' || text[0] > '9')
		       ? NULL
		       : "NAME=VALUE is needed, with letters, digits and _ in the name";
}

static const char *
judge_setting(const char *text)
{
	return name_length(text) > 0 ? NULL
				     : "key=value is needed, with letters, digits and _ in the key";
}

const struct conf_key handler_keys[HANDLER_KEYS] = {
	{.name = "job",
	 .type = CONF_TEXT,
	 .offset = AT(job),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "what this server does: sha1 or another digest, or the name of the handler's job; "
		 "empty: sha1, or the handler's name"},
	{.name = "handler",
	 .type = CONF_CHOICE,
	 .offset = AT(kind),
	 .fallback = "none",
	 .choices = kinds,
	 .help = "which code does the job, in processes of its own; none: a built-in digest"},
	{.name = "handler_command",
	 .type = CONF_LIST,
	 .offset = AT(command),
	 .max = HANDLER_PATH - 1,
	 .help = "program of exec and exec-once with its arguments; no shell is involved"},
	{.name = "handler_module",
	 .type = CONF_TEXT,
	 .offset = AT(module),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "file of the module"},
	{.name = "handler_processes",
	 .type = CONF_INT,
	 .offset = AT(processes),
	 .fallback = "1",
	 .min = 1,
	 .max = HANDLER_PROCESSES_MAX,
	 .help = "job processes of each worker"},
	{.name = "job_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(job_timeout),
	 .fallback = "5s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a job may take; then its process is ended and the client told"},
	{.name = "handler_start_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(start_timeout),
	 .fallback = "10s",
	 .min = 100,
	 .max = HOUR,
	 .help = "how long a job process may take until it answers"},
	{.name = "handler_signal",
	 .type = CONF_CHOICE,
	 .offset = AT(signal_choice),
	 .fallback = "ABRT",
	 .choices = signal_names,
	 .help = "signal that ends a job process that is overdue"},
	{.name = "handler_grace",
	 .type = CONF_DURATION,
	 .offset = AT(grace),
	 .fallback = "1s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long it may take to end then, until it and what it has started are killed"},
	{.name = "handler_max_jobs",
	 .type = CONF_INT,
	 .offset = AT(max_jobs),
	 .fallback = "0",
	 .max = UINT32_MAX,
	 .help = "a job process is replaced after so many jobs; 0: never"},
	{.name = "handler_max_memory",
	 .type = CONF_SIZE,
	 .offset = AT(max_memory),
	 .fallback = "0",
	 .max = (uint64_t)1 << 40,
	 .help = "a job process is replaced when it holds more memory; 0: never"},
	{.name = "handler_max_processes",
	 .type = CONF_INT,
	 .offset = AT(max_processes),
	 .fallback = "0",
	 .max = 1000000,
	 .help = "processes and threads that handler_user may have in all; 0: 64 for each job "
		 "process, and at least 1024"},
	{.name = "handler_max_reply",
	 .type = CONF_SIZE,
	 .offset = AT(max_reply),
	 .fallback = "1M",
	 .min = 64,
	 .max = 256 << 20,
	 .help = "largest reply of a handler in bytes, as it is sent"},
	{.name = "handler_queue",
	 .type = CONF_INT,
	 .offset = AT(queue),
	 .fallback = "0",
	 .max = 1000000,
	 .help = "jobs that may wait in a worker; 0: twice handler_processes"},
	{.name = "handler_strikes",
	 .type = CONF_INT,
	 .offset = AT(strikes),
	 .fallback = "2",
	 .max = 1000,
	 .help = "a payload that has ended so many job processes is refused; 0: never"},
	{.name = "handler_strike_time",
	 .type = CONF_DURATION,
	 .offset = AT(strike_time),
	 .fallback = "10m",
	 .min = 1000,
	 .max = 168 * HOUR,
	 .help = "how long that is remembered"},
	{.name = "handler_user",
	 .type = CONF_TEXT,
	 .offset = AT(user.user),
	 .max = 256,
	 .help = "the user of job processes; empty: that of workers"},
	{.name = "handler_directory",
	 .type = CONF_TEXT,
	 .offset = AT(directory),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "folder in which job processes start; empty: /"},
	{.name = "handler_env",
	 .type = CONF_LIST,
	 .offset = AT(env),
	 .max = 65536,
	 .judge = judge_env,
	 .help = "NAME=VALUE: environment of job processes, beside PATH=/usr/bin:/bin and "
		 "LANG=C.UTF-8; nothing else is in it"},
	{.name = "handler_setting",
	 .type = CONF_LIST,
	 .offset = AT(setting),
	 .max = 65536,
	 .judge = judge_setting,
	 .help = "key=value: settings for the handler; PPOOL_key in a program's environment"},
	{.name = "handler_network",
	 .type = CONF_BOOL,
	 .offset = AT(network),
	 .fallback = "no",
	 .help = "let job processes make sockets"},
	{.name = "handler_seccomp",
	 .type = CONF_BOOL,
	 .offset = AT(seccomp),
	 .fallback = "yes",
	 .help = "filter the system calls of job processes"},
	{.name = "handler_repeatable",
	 .type = CONF_CHOICE,
	 .offset = AT(repeatable),
	 .fallback = "auto",
	 .choices = repeatables,
	 .help = "may a job be run again elsewhere, when its outcome is unknown?  auto: digests, and "
		 "modules that say so"},
	{.name = "pseudonym_keys",
	 .type = CONF_TEXT,
	 .offset = AT(pseudonym_keys),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "file of the secrets of hmac-sha256"},
	{.name = "pseudonym_domain",
	 .type = CONF_TEXT,
	 .offset = AT(pseudonym_domain),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "pseudonyms of two domains cannot be joined"},
};

static_assert(sizeof kinds / sizeof *kinds == HANDLER_PSEUDONYM + 2, "a word for each");

/* ---- checks across keys ---- */

struct check {
	struct handler_conf *conf;
	const struct daemon_conf *daemon;
	char *const *origin;
	const char *program; /* ours */
	FILE *err;
};

static size_t
place_of(const char *key)
{
	size_t i = 0;

	while (i < HANDLER_KEYS && strcmp(handler_keys[i].name, key) != 0)
		i++;
	return i;
}

static bool
is_given(const struct check *k, const char *key)
{
	return k->origin[place_of(key)] != NULL;
}

/* Begins a line with the place of the key, or of what stands for it where it was not given. */
PRINTF_LIKE(3, 4)
static int
wrong(const struct check *k, const char *key, const char *fmt, ...)
{
	const char *at = k->origin[place_of(key)];
	va_list ap;

	if (at != NULL)
		(void)fprintf(k->err, "%s: ", at);
	else
		(void)fprintf(k->err, "%s: %s: ", k->program, key);
	va_start(ap, fmt);
	(void)vfprintf(k->err, fmt, ap);
	va_end(ap);
	(void)putc('\n', k->err);
	return -1;
}

#define OF(kind) (1u << (kind))
#define PROGRAMS (OF(HANDLER_EXEC) | OF(HANDLER_EXEC_ONCE))
#define ALL	 (PROGRAMS | OF(HANDLER_MODULE) | OF(HANDLER_PSEUDONYM))

/* What each key is for, where that is not every kind. */
static unsigned
kinds_of(const char *key)
{
	static const struct {
		const char *key;
		unsigned kinds;
	} some[] = {{"job", ALL | OF(HANDLER_NONE)},
		    {"handler", ALL | OF(HANDLER_NONE)},
		    {"handler_command", PROGRAMS},
		    {"handler_module", OF(HANDLER_MODULE)},
		    {"pseudonym_keys", OF(HANDLER_PSEUDONYM)},
		    {"pseudonym_domain", OF(HANDLER_PSEUDONYM)}};

	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		if (strcmp(some[i].key, key) == 0)
			return some[i].kinds;
	return ALL;
}

/* A key that nothing looks at would be thought to be in force; its default may stand there. */
static int
check_needless(const struct check *k)
{
	int r = 0;

	for (size_t i = 0; i < HANDLER_KEYS; i++) {
		const char *key = handler_keys[i].name;
		unsigned of = kinds_of(key);

		if (k->origin[i] == NULL || (of & OF(k->conf->kind)) != 0 ||
		    conf_is_default(&handler_keys[i], k->conf))
			continue;
		if (of == ALL)
			r = wrong(k, key,
				  "there is no handler; say which code does the job, "
				  "as in handler = exec");
		else if (of == PROGRAMS)
			r = wrong(k, key, "it is for handler = exec and exec-once, not for %s",
				  kinds[k->conf->kind]);
		else
			r = wrong(k, key, "it is for handler = %s, not for %s",
				  of == OF(HANDLER_MODULE) ? "module" : "pseudonym",
				  kinds[k->conf->kind]);
	}
	return r;
}

/* ---- the job's name ---- */

static bool
is_keyed(const struct job *j)
{
	return j->shape == JOB_NAMED_HEX;
}

/* "/usr/lib/policypool/redact.so" gives redact. */
static int
name_after(const struct check *k, const char *path, const char *suffix)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t n = strlen(base), cut = strlen(suffix);
	const char *why;

	if (n > cut && strcmp(base + n - cut, suffix) == 0)
		n -= cut;
	if (n > PACKET_ID_MAX)
		return wrong(k, "job", "%s is too long for the name of a job; give one", base);
	memcpy(k->conf->name, base, n);
	k->conf->name[n] = '\0';
	why = conf_check_id(k->conf->name);
	return why == NULL ? 0 : wrong(k, "job", "%s cannot be its name: %s; give one", base, why);
}

static int
default_name(const struct check *k)
{
	struct handler_conf *c = k->conf;

	switch ((enum handler_kind)c->kind) {
	case HANDLER_NONE: return name_after(k, "sha1", "");
	case HANDLER_PSEUDONYM: return name_after(k, "hmac-sha256", "");
	case HANDLER_MODULE: return name_after(k, c->module, ".so");
	case HANDLER_EXEC:
	case HANDLER_EXEC_ONCE: return name_after(k, c->command.item[0], "");
	}
	return -1;
}

static int
unknown_job(const struct check *k)
{
	const struct job *j;

	(void)wrong(k, "job", "%s: no such job without a handler; built in are:", k->conf->job);
	(void)fputs("   ", k->err);
	for (unsigned i = 0; (j = job_at(i)) != NULL; i++)
		(void)fprintf(k->err, " %s", j->name);
	(void)putc('\n', k->err);
	return -1;
}

static int
check_job(const struct check *k)
{
	struct handler_conf *c = k->conf;

	if (c->job[0] == '\0') {
		if (default_name(k) < 0)
			return -1;
	} else {
		(void)snprintf(c->name, sizeof c->name, "%s", c->job);
	}
	c->known = job_find(span_of(c->name, strlen(c->name)));
	if (c->kind == HANDLER_NONE && !job_is_digest(c->known))
		return unknown_job(k);
	if (c->kind == HANDLER_PSEUDONYM && !is_keyed(c->known))
		return wrong(k, "job", "%s: handler = pseudonym does hmac-sha256", c->name);
	return 0;
}

/* ---- the code ---- */

const char *
handler_conf_env(const struct handler_conf *c, const char *name)
{
	size_t n = strlen(name);

	/* Of a name given twice the last counts. */
	for (size_t i = c->env.n; i-- > 0;)
		if (strncmp(c->env.item[i], name, n) == 0 && c->env.item[i][n] == '=')
			return c->env.item[i] + n + 1;
	for (const char *const *e = handler_default_env; *e != NULL; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

/* NULL: it can be executed. */
static const char *
why_not_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no file";
	return access(path, X_OK) < 0 ? "it is not executable; chmod +x would make it so" : NULL;
}

/* In the folders of PATH.  NULL: c->program is it. */
static const char *
find_in_path(struct handler_conf *c, const char *command)
{
	const char *at = handler_conf_env(c, "PATH"), *why = NULL;

	while (at != NULL && *at != '\0') {
		int n = (int)strcspn(at, ":");

		if (*at == '/' && snprintf(c->program, sizeof c->program, "%.*s/%s", n, at,
					   command) < (int)sizeof c->program) {
			why = why_not_executable(c->program);
			if (why == NULL || access(c->program, F_OK) == 0)
				return why;
		}
		at += (size_t)n + (at[n] == ':');
	}
	c->program[0] = '\0';
	return "not found";
}

static int
check_command(const struct check *k)
{
	struct handler_conf *c = k->conf;
	const char *command = c->command.n == 0 ? "" : c->command.item[0], *why;
	const char *slash = strchr(command, '/');

	if (command[0] == '\0')
		return wrong(k, is_given(k, "handler_command") ? "handler_command" : "handler",
			     "handler = %s needs the program, as in "
			     "handler_command = {\"/usr/bin/python3\", \"/srv/job.py\"}",
			     kinds[c->kind]);
	if (slash == NULL) {
		why = find_in_path(c, command);
		if (why != NULL && c->program[0] == '\0')
			return wrong(k, "handler_command",
				     "%s: not found in PATH=%s; give its path, "
				     "or PATH in handler_env",
				     command, handler_conf_env(c, "PATH"));
		return why == NULL ? 0 : wrong(k, "handler_command", "%s: %s", c->program, why);
	}
	if (command[0] != '/' && c->directory[0] == '\0')
		return wrong(k, "handler_command",
			     "%s: the path must begin with /, or handler_directory say from where",
			     command);
	if (snprintf(c->program, sizeof c->program, "%s%s%s", command[0] == '/' ? "" : c->directory,
		     command[0] == '/' ? "" : "/", command) >= (int)sizeof c->program)
		return wrong(k, "handler_command", "%s: the path is too long", command);
	why = why_not_executable(c->program);
	return why == NULL ? 0 : wrong(k, "handler_command", "%s: %s", c->program, why);
}

static int
check_file(const struct check *k, const char *key, const char *path, const char *kind)
{
	struct stat st;

	if (path[0] == '\0')
		return wrong(k, is_given(k, key) || !is_given(k, "handler") ? key : "handler",
			     "handler = %s needs %s", kind, key);
	if (stat(path, &st) < 0)
		return wrong(k, key, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return wrong(k, key, "%s: it is no file", path);
	return 0;
}

/* What can be seen without running any of its code. */
static int
check_module(const struct check *k)
{
	const char *path = k->conf->module;
	char why[HANDLER_WHY];

	if (check_file(k, "handler_module", path, "module") < 0)
		return -1;
	return handler_module_check(path, why) == 0 ? 0 : wrong(k, "handler_module", "%s", why);
}

/* The secrets are the job processes' alone. */
static int
check_keys(const struct check *k)
{
	const char *path = k->conf->pseudonym_keys;

	if (check_file(k, "pseudonym_keys", path, "pseudonym") < 0)
		return -1;
	return pseudonym_check(path, k->err);
}

static int
check_code(const struct check *k)
{
	struct handler_conf *c = k->conf;

	switch ((enum handler_kind)c->kind) {
	case HANDLER_NONE: return 0;
	case HANDLER_EXEC:
	case HANDLER_EXEC_ONCE: return check_command(k);
	case HANDLER_MODULE: return check_module(k);
	case HANDLER_PSEUDONYM: return check_keys(k);
	}
	return -1;
}

/* ---- its process ---- */

static int
check_directory(const struct check *k)
{
	const char *path = k->conf->directory;
	struct stat st;

	if (path[0] == '\0')
		return 0;
	if (stat(path, &st) < 0)
		return wrong(k, "handler_directory", "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? 0 : wrong(k, "handler_directory", "%s: it is no folder", path);
}

/* Without a user of their own job processes are what workers are. */
static int
check_user(const struct check *k)
{
	struct handler_conf *c = k->conf;
	static char nobody_else[] = "";
	const struct privdrop_conf asked = {.user = c->user.user,
					    .user_key = "handler_user",
					    .group = nobody_else,
					    .level = k->daemon->isolation.level};
	struct privdrop_conf found = asked;

	if (c->user.user[0] == '\0') {
		c->user.plan = k->daemon->isolation.plan;
		return 0;
	}
	if (privdrop_check(&found, k->program, k->err) < 0)
		return -1;
	c->user.plan = found.plan;
	return 0;
}

/* The kernel counts all that a user has, so one that others share could not start any more. */
static int
check_processes(const struct check *k)
{
	const struct handler_conf *c = k->conf;
	unsigned own = 2 * daemon_workers(k->daemon) * c->processes; /* of two generations */

	if (c->max_processes == 0)
		return 0;
	if (c->user.user[0] == '\0')
		return wrong(k, "handler_max_processes",
			     "it bounds what handler_user has, which is not given");
	if (c->max_processes < own)
		return wrong(k, "handler_max_processes",
			     "%u is less than the job processes themselves, %u during a reload",
			     c->max_processes, own);
	return 0;
}

/* What is not given leaves room for what a packet has beside its payload: a reply that passes here
 * is to pass in the proxy, whose max_message is most likely the same. */
static int
check_sizes(const struct check *k)
{
	struct handler_conf *c = k->conf;
	uint64_t packet = k->daemon->max_message;

	if (is_given(k, "handler_max_reply") && c->max_reply > packet)
		return wrong(k, "handler_max_reply",
			     "it is more than max_message, %" PRIu64 " bytes", packet);
	if (!is_given(k, "handler_max_reply") && c->max_reply > packet - PACKET_HEAD)
		c->max_reply = packet - PACKET_HEAD;
	if (c->queue == 0)
		c->queue = 2 * c->processes;
	return 0;
}

int
handler_conf_check(struct handler_conf *c, const struct daemon_conf *daemon, char *const origin[],
		   const char *program, FILE *err)
{
	const struct check k = {c, daemon, origin, program, err};

	/* hmac-sha256 is built in, and always in processes of its own. */
	if (c->kind == HANDLER_NONE && is_keyed(job_find(span_of(c->job, strlen(c->job)))))
		c->kind = HANDLER_PSEUDONYM;
	c->signal = signals[c->signal_choice];
	if (check_needless(&k) < 0 || check_code(&k) < 0 || check_job(&k) < 0)
		return -1;
	if (c->kind == HANDLER_NONE)
		return 0;
	if (check_directory(&k) < 0 || check_user(&k) < 0 || check_processes(&k) < 0)
		return -1;
	return check_sizes(&k);
}

void
handler_conf_files(const struct handler_conf *c, struct daemon_conf *d)
{
	if (c->kind == HANDLER_NONE && !is_keyed(job_find(span_of(c->job, strlen(c->job)))))
		return;
	d->other_files = 2 * c->processes;
	/* Standard error of each, and a worker's channel. */
	d->master_files = 2 * daemon_workers(d) * (c->processes + 1);
	d->master_files_key = "handler_processes";
}
