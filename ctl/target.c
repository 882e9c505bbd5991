/* target.c - see target.h. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "discover.h"
#include "printable.h"
#include "rpc.h"

static enum discover_trust
trust_of(const struct target *t)
{
	return t->dir_named ? DISCOVER_NAMED : DISCOVER_DEFAULT;
}

static const char *
reason(int error)
{
	switch (error) {
	case ENOENT: return "there is no such socket";
	case ECONNREFUSED: return "no daemon listens there";
	case EPERM: return "it belongs to neither you nor root: not trusted";
	default: return strerror(error);
	}
}

static void
tell(const char *verb, const char *path, int error)
{
	char shown[TARGET_PATH];

	(void)fprintf(stderr, "ppool-ctl: %s: %s: %s\n", verb, printable(path, shown, sizeof shown),
		      reason(error));
}

void
target_tell_folders(const struct target *t, FILE *out)
{
	for (int i = 0; i < TARGET_DIRS && t->dir[i] != NULL; i++)
		(void)fprintf(out, "%s%s", i > 0 ? " or " : "", t->dir[i]);
	(void)fputc('\n', out);
}

static bool
may_be_meant(const struct discover_entry *e, enum discover_program of)
{
	return e->answers && discover_is(e, of);
}

static void
tell_candidates(const struct target *t, enum discover_program of, const struct discover_list *l,
		const char *verb)
{
	static const char *const what[] = {"daemon", "proxy", "server"};
	char shown[TARGET_PATH];
	unsigned answering = 0;

	for (size_t i = 0; i < l->n; i++)
		answering += may_be_meant(&l->entry[i], of);
	if (answering == 0) {
		(void)fprintf(stderr, "ppool-ctl: %s: no running %s's socket in ", verb, what[of]);
		target_tell_folders(t, stderr);
		return;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: which one? Name it with -p, -i or -s:\n", verb);
	for (size_t i = 0; i < l->n; i++)
		if (may_be_meant(&l->entry[i], of))
			(void)fprintf(stderr, "  -s %s/%s.sock\n", l->entry[i].dir,
				      printable(l->entry[i].name, shown, sizeof shown));
}

/* All that there are in the folders that can be read. */
int
target_collect(const struct target *t, const char *verb, struct discover_list *list)
{
	*list = (struct discover_list){NULL, 0};
	for (int i = 0; i < TARGET_DIRS && t->dir[i] != NULL; i++) {
		if (discover_daemons(t->dir[i], trust_of(t), list) == 0)
			continue;
		if (errno == ENOMEM || t->dir_named) {
			tell(verb, t->dir[i], errno);
			discover_free(list);
			return -1;
		}
		if (errno != EACCES) /* the system's may be closed to this user */
			tell(verb, t->dir[i], errno);
	}
	return 0;
}

/* Sockets of other names than the usual ones (control): their daemons say what they are. */
static void
ask_programs(struct discover_list *l)
{
	static const char *const name[] = {"", "ppool-proxy", "ppool-server"};
	char path[TARGET_PATH], why[RPC_WHY];
	char *none[] = {NULL};

	for (size_t i = 0; i < l->n; i++) {
		struct discover_entry *e = &l->entry[i];
		struct json_object *data = NULL, *v = NULL;

		if (!e->answers || discover_is(e, DISCOVER_PROXY) ||
		    discover_is(e, DISCOVER_SERVER))
			continue;
		(void)snprintf(path, sizeof path, "%s/%s.sock", e->dir, e->name);
		if (rpc_daemon(path, "status", none, RPC_LIMIT, &data, why) == RPC_ANSWERED &&
		    json_object_object_get_ex(data, "program", &v))
			for (int p = DISCOVER_PROXY; p <= DISCOVER_SERVER; p++)
				if (strcmp(json_object_get_string(v), name[p]) == 0)
					e->program = (enum discover_program)p;
		(void)json_object_put(data);
	}
}

static int
find_it(const struct target *t, enum discover_program of, const char *verb, char path[TARGET_PATH])
{
	struct discover_list list;
	const struct discover_entry *e;

	if (target_collect(t, verb, &list) < 0)
		return -1;
	ask_programs(&list);
	e = discover_only(&list, of);
	if (e != NULL)
		(void)snprintf(path, TARGET_PATH, "%s/%s.sock", e->dir, e->name);
	else
		tell_candidates(t, of, &list, verb);
	discover_free(&list);
	return e != NULL ? 0 : -1;
}

/* In the first folder that has it. */
static int
find_named(const struct target *t, const char *program, const char *name, const char *verb,
	   char path[TARGET_PATH])
{
	char tried[TARGET_PATH];
	pid_t pid;
	int first = 0, error;

	for (int i = 0; i < TARGET_DIRS && t->dir[i] != NULL; i++) {
		(void)snprintf(path, TARGET_PATH, "%s/%s-%s.sock", t->dir[i], program, name);
		error = discover_probe(t->dir[i], path, trust_of(t), &pid);
		if (error == 0 || error == EAGAIN)
			return 0;
		if (i == 0 || first == ENOENT) {
			first = error;
			(void)strcpy(tried, path);
		}
	}
	if (first == ENOENT) {
		(void)fprintf(stderr, "ppool-ctl: %s: there is no such socket as %s-%s.sock in ",
			      verb, program, printable(name, tried, sizeof tried));
		target_tell_folders(t, stderr);
	} else {
		tell(verb, tried, first);
	}
	return -1;
}

static bool
has_pid(const char *path, const char *pid)
{
	static const char *const key[] = {"pid", "parent_pid"};
	struct json_object *data = NULL, *v;
	char *none[] = {NULL}, why[RPC_WHY];
	bool found = false;

	if (rpc_daemon(path, "status", none, RPC_LIMIT, &data, why) != RPC_ANSWERED)
		return false;
	for (size_t i = 0; i < sizeof key / sizeof *key; i++)
		found = found || (json_object_object_get_ex(data, key[i], &v) &&
				  strcmp(json_object_get_string(v), pid) == 0);
	(void)json_object_put(data);
	return found;
}

static int
find_pid(const struct target *t, const char *verb, char path[TARGET_PATH])
{
	struct discover_list list;
	bool found = false;

	if (target_collect(t, verb, &list) < 0)
		return -1;
	for (size_t i = 0; !found && i < list.n; i++) {
		const struct discover_entry *e = &list.entry[i];
		(void)snprintf(path, TARGET_PATH, "%s/%s.sock", e->dir, e->name);
		found = e->answers && has_pid(path, t->pid);
	}
	discover_free(&list);
	if (!found)
		(void)fprintf(stderr, "ppool-ctl: %s: no daemon with the pid %s answers\n", verb,
			      t->pid);
	return found ? 0 : -1;
}

int
target_path(const struct target *t, enum discover_program of, const char *verb,
	    char path[TARGET_PATH])
{
	if (t->port != NULL)
		return find_named(t, "ppool-proxy", t->port, verb, path);
	if (t->id != NULL)
		return find_named(t, "ppool-server", t->id, verb, path);
	if (t->pid != NULL)
		return find_pid(t, verb, path);
	if (t->socket == NULL)
		return find_it(t, of, verb, path);
	(void)snprintf(path, TARGET_PATH, "%s", t->socket);
	return 0;
}
