/* handler_conf.c - see handler_conf.h. */
#include "handler_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_check.h"
#include "handler_command.h"
#include "handler_module.h"
#include "handler_reach.h"
#include "pseudonym.h"

enum { PACKET_HEAD = 512 }; /* bytes of a reply beside its payload, with ids as they usually are */

const char *const handler_default_env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};

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
				  handler_kind_text(k->conf->kind));
		else
			r = wrong(k, key, "it is for handler = %s, not for %s",
				  of == OF(HANDLER_MODULE) ? "module" : "pseudonym",
				  handler_kind_text(k->conf->kind));
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
	case HANDLER_EXEC_ONCE: return name_after(k, handler_command_runs(&c->command), "");
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
			     handler_kind_text(c->kind));
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
	return pseudonym_check(path, k->conf->pseudonym_domain, k->conf->job_keys, k->err);
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

/* What stands before "handler_user" in a line about it: "FILE:LINE", or the program. */
static const char *
user_place(const struct check *k, char out[HANDLER_PATH])
{
	const char *at = k->origin[place_of("handler_user")];
	const char *end = at == NULL ? NULL : strstr(at, ": handler_user");

	if (end == NULL)
		return k->program;
	(void)snprintf(out, HANDLER_PATH, "%.*s", (int)(end - at), at);
	return out;
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
	char place[HANDLER_PATH];

	if (c->user.user[0] == '\0') {
		c->user.plan = k->daemon->isolation.plan;
		return 0;
	}
	if (privdrop_check(&found, user_place(k, place), k->err) < 0)
		return -1;
	c->user.plan = found.plan;
	return 0;
}

static const char *
their_user(const struct check *k, char out[32])
{
	const struct privdrop *plan = &k->conf->user.plan;

	return handler_reach_user(plan->change_user ? plan->uid : geteuid(), out);
}

/* A file of that key, or -1 with a line that says why a job process could not read (R_OK) or
 * execute (X_OK) it. */
static int
check_access(const struct check *k, const char *key, const char *path, int how, const char *warning)
{
	size_t folder;
	char user[32];
	int n;

	switch (handler_reach_file(&k->conf->user.plan, path, how, &folder)) {
	case HANDLER_REACH_FINE: return 0;
	case HANDLER_REACH_MISSING: return wrong(k, key, "%s%s: not found", warning, path);
	case HANDLER_REACH_CLOSED:
		n = (int)folder;
		return wrong(k, key, "%s: " HANDLER_REACH_WHY, path, their_user(k, user), n, path,
			     n, path);
	case HANDLER_REACH_DENIED: break;
	}
	return wrong(k, key,
		     "%s%s: job processes run as user %s, which may not %s it: chmod o+%c it, or "
		     "set handler_user",
		     warning, path, their_user(k, user), how == X_OK ? "execute" : "read",
		     how == X_OK ? 'x' : 'r');
}

/* That the interpreter can't read it would be seen only once a job process is to start. */
static int
check_reach(const struct check *k)
{
	const struct handler_conf *c = k->conf;
	bool certain;
	const char *script = handler_command_script(&c->command, &certain);
	char path[HANDLER_PATH];

	if (check_access(k, "handler_command", c->program, X_OK, "") < 0)
		return -1;
	if (script == NULL ||
	    snprintf(path, sizeof path, "%s%s%s", script[0] == '/' ? "" : c->directory,
		     script[0] == '/' ? "" : "/", script) >= (int)sizeof path)
		return 0;
	return check_access(k, "handler_command", path, R_OK,
			    certain ? "" : "if this is the script, ") < 0 &&
			       certain
		       ? -1
		       : 0;
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
		c->queue = 4 * c->processes;
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
	c->signal = handler_signal_of(c->signal_choice);
	if (check_needless(&k) < 0 || check_code(&k) < 0 || check_job(&k) < 0)
		return -1;
	if (c->kind == HANDLER_NONE)
		return 0;
	if (check_directory(&k) < 0 || check_user(&k) < 0 ||
	    ((OF(c->kind) & PROGRAMS) != 0 && check_reach(&k) < 0) ||
	    (c->kind == HANDLER_MODULE &&
	     check_access(&k, "handler_module", c->module, R_OK, "") < 0) ||
	    check_processes(&k) < 0)
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
