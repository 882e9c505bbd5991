/* find.c - see find.h. */
#include "find.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char proxy[] = "ppool-proxy-";
static const char suffix[] = ".sock";

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
add(struct find_list *l, const char *file, size_t length)
{
	char **more = reallocarray(l->name, l->n + 1, sizeof *more);

	if (more == NULL)
		return -1;
	l->name = more;
	l->name[l->n] = strndup(file, length);
	if (l->name[l->n] == NULL)
		return -1;
	l->n++;
	return 0;
}

int
find_daemons(const char *dir, struct find_list *l)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	*l = (struct find_list){NULL, 0};
	if (d == NULL)
		return errno == ENOENT ? 0 : -1;
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		if (n < sizeof suffix || strcmp(e->d_name + n - (sizeof suffix - 1), suffix) != 0)
			continue;
		if (add(l, e->d_name, n - (sizeof suffix - 1)) < 0) {
			(void)closedir(d);
			find_free(l);
			errno = ENOMEM;
			return -1;
		}
	}
	(void)closedir(d);
	if (l->n > 0)
		qsort(l->name, l->n, sizeof *l->name, by_name);
	return 0;
}

void
find_free(struct find_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (struct find_list){NULL, 0};
}

const char *
find_only(const struct find_list *l, _Bool proxy_only)
{
	const char *found = NULL;

	if (l->n == 1 && !proxy_only)
		return l->name[0];
	for (size_t i = 0; i < l->n; i++) {
		if (strncmp(l->name[i], proxy, sizeof proxy - 1) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = l->name[i];
	}
	return found;
}
