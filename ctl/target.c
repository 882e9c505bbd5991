/* target.c - see target.h. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "find.h"

static void
tell_candidates(const struct find_list *l, const char *dir, const char *verb)
{
	if (l->n == 0) {
		(void)fprintf(stderr, "ppool-ctl: no daemon's socket in %s\n", dir);
		return;
	}
	(void)fprintf(stderr, "ppool-ctl: %s: which one? Name it with -p, -i or -s:\n", verb);
	for (size_t i = 0; i < l->n; i++)
		(void)fprintf(stderr, "  -s %s/%s.sock\n", dir, l->name[i]);
}

static int
find_it(const struct target *t, bool proxy_only, const char *verb, char path[TARGET_PATH])
{
	struct find_list list;
	const char *name;

	if (find_daemons(t->dir, &list) < 0) {
		(void)fprintf(stderr, "ppool-ctl: %s: %s\n", t->dir, strerror(errno));
		return -1;
	}
	name = find_only(&list, proxy_only);
	if (name != NULL)
		(void)snprintf(path, TARGET_PATH, "%s/%s.sock", t->dir, name);
	else
		tell_candidates(&list, t->dir, verb);
	find_free(&list);
	return name != NULL ? 0 : -1;
}

int
target_path(const struct target *t, bool proxy_only, const char *verb, char path[TARGET_PATH])
{
	if (t->socket != NULL)
		(void)snprintf(path, TARGET_PATH, "%s", t->socket);
	else if (t->port != NULL)
		(void)snprintf(path, TARGET_PATH, "%s/ppool-proxy-%s.sock", t->dir, t->port);
	else if (t->id != NULL)
		(void)snprintf(path, TARGET_PATH, "%s/ppool-server-%s.sock", t->dir, t->id);
	else
		return find_it(t, proxy_only, verb, path);
	return 0;
}
