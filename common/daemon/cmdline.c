/* cmdline.c - see cmdline.h. */
#include "cmdline.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* head, then path as seen from here.  NULL with errno. */
static char *
absolute(const char *head, size_t head_n, const char *path)
{
	char here[PATH_MAX], *out;

	if (path[0] == '/')
		here[0] = '\0';
	else if (getcwd(here, sizeof here) == NULL)
		return NULL;
	out = malloc(head_n + strlen(here) + strlen(path) + 2);
	if (out == NULL)
		return NULL;
	memcpy(out, head, head_n);
	out[head_n] = '\0';
	(void)strcat(out, here);
	if (here[0] != '\0')
		(void)strcat(out, "/");
	return strcat(out, path);
}

static bool
holds(const char *argument, const char *file)
{
	return file != NULL && file >= argument && file <= argument + strlen(argument);
}

/* As execvp(3) finds it.  NULL with errno. */
static char *
search(const char *name)
{
	const char *path = getenv("PATH");
	char *found;

	for (size_t n; path != NULL; path = path[n] == ':' ? path + n + 1 : NULL) {
		char folder[PATH_MAX];
		n = strcspn(path, ":");
		if (n + strlen(name) + 2 > sizeof folder)
			continue;
		memcpy(folder, path, n);
		(void)strcpy(folder + n, n > 0 ? "/" : "./");
		(void)strcat(folder, name);
		found = absolute("", 0, folder);
		if (found == NULL || access(found, X_OK) == 0)
			return found;
		free(found);
	}
	errno = ENOENT;
	return NULL;
}

static char *
itself(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	return strdup(path);
}

static char *
find_binary(const char *name)
{
	char *found = strchr(name, '/') != NULL ? absolute("", 0, name) : search(name);

	if (found != NULL && access(found, X_OK) == 0)
		return found;
	free(found);
	return itself();
}

/* Takes the argument over.  0, or -1 with all released where it could not be made. */
static int
keep(struct cmdline *c, char *argument)
{
	c->argv[c->argc++] = argument;
	if (argument != NULL)
		return 0;
	cmdline_release(c);
	return -1;
}

int
cmdline_remember(struct cmdline *c, int argc, char *const argv[], const struct conf_command *parsed)
{
	bool unnamed = parsed->file == NULL && parsed->loaded != NULL;

	*c = (struct cmdline){.argv = calloc((size_t)argc + 3, sizeof *c->argv)};
	if (c->argv == NULL)
		return -1;
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		if (keep(c, holds(a, parsed->file)
				    ? absolute(a, (size_t)(parsed->file - a), parsed->file)
				    : strdup(a)) < 0)
			return -1;
		if (i == 0 && unnamed &&
		    (keep(c, strdup("-c")) < 0 || keep(c, absolute("", 0, parsed->loaded)) < 0))
			return -1;
	}
	c->binary = find_binary(argc > 0 ? argv[0] : "");
	if (c->binary != NULL)
		return 0;
	cmdline_release(c);
	return -1;
}

void
cmdline_release(struct cmdline *c)
{
	int saved = errno;

	for (int i = 0; c->argv != NULL && i < c->argc; i++)
		free(c->argv[i]);
	free(c->argv);
	free(c->binary);
	*c = (struct cmdline){.argc = 0};
	errno = saved;
}
