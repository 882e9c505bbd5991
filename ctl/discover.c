/* discover.c - see discover.h. */
#include "discover.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_unix.h"
#include "runtime_dir.h"

enum { PATH = 4200 };

static const char *const prefix[] = {"", "ppool-proxy-", "ppool-server-"};
static const char suffix[] = ".sock";

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct discover_entry *)a)->name,
		      ((const struct discover_entry *)b)->name);
}

/* ---- trust ---- */

/* Only root can make or replace it: its owner has it from root. */
static bool
is_root_s_to_make(const char *dir)
{
	char parent[PATH];
	const char *slash = strrchr(dir, '/');
	struct stat st;

	if (slash == NULL || (size_t)(slash - dir) >= sizeof parent)
		return false;
	memcpy(parent, dir, (size_t)(slash - dir));
	(void)strcpy(parent + (slash - dir), slash == dir ? "/" : "");
	return lstat(parent, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int
trust(const char *dir, enum discover_trust how)
{
	if (how == DISCOVER_NAMED || runtime_dir_check(dir) == 0)
		return 0;
	return errno == EPERM && is_root_s_to_make(dir) ? 0 : -1;
}

/* The socket's peer: its daemon, as it was when it began to listen. */
static int
judge_peer(int fd, const char *dir, pid_t *pid)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || stat(dir, &st) < 0)
		return errno;
	*pid = peer.pid;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == st.st_uid ? 0 : EPERM;
}

int
discover_probe(const char *dir, const char *path, enum discover_trust how, pid_t *pid)
{
	int fd, error;

	*pid = 0;
	if (trust(dir, how) < 0)
		return errno;
	fd = net_connect_unix(path);
	if (fd < 0)
		return errno;
	error = judge_peer(fd, dir, pid);
	(void)close(fd);
	return error;
}

/* ---- finding ---- */

static int
add(struct discover_list *l, const char *dir, const char *file, size_t length,
    enum discover_trust how)
{
	struct discover_entry *more = reallocarray(l->entry, l->n + 1, sizeof *more);
	char path[PATH];

	if (more == NULL)
		return -1;
	l->entry = more;
	more[l->n] = (struct discover_entry){.name = strndup(file, length), .dir = dir};
	if (more[l->n].name == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	/* One that this user may not ask is there all the same. */
	int error = discover_probe(dir, path, how, &more[l->n].pid);
	more[l->n].answers = error == 0 || error == EACCES || error == EAGAIN;
	l->n++;
	return 0;
}

int
discover_daemons(const char *dir, enum discover_trust how, struct discover_list *l)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t before = l->n;

	if (d == NULL)
		return errno == ENOENT ? 0 : -1;
	if (trust(dir, how) < 0) {
		int saved = errno;
		(void)closedir(d);
		errno = saved;
		return -1;
	}
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		if (n < sizeof suffix || strcmp(e->d_name + n - (sizeof suffix - 1), suffix) != 0)
			continue;
		if (add(l, dir, e->d_name, n - (sizeof suffix - 1), how) < 0) {
			(void)closedir(d);
			errno = ENOMEM;
			return -1;
		}
	}
	(void)closedir(d);
	if (l->n > before)
		qsort(l->entry + before, l->n - before, sizeof *l->entry, by_name);
	return 0;
}

void
discover_free(struct discover_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entry[i].name);
	free(l->entry);
	*l = (struct discover_list){NULL, 0};
}

bool
discover_is(const struct discover_entry *e, enum discover_program program)
{
	return e->program != DISCOVER_ANY && program != DISCOVER_ANY
		       ? e->program == program
		       : strncmp(e->name, prefix[program], strlen(prefix[program])) == 0;
}

/* The only one that answers, or NULL. */
static const struct discover_entry *
only_of(const struct discover_list *l, enum discover_program program)
{
	const struct discover_entry *found = NULL;

	for (size_t i = 0; i < l->n; i++) {
		if (!l->entry[i].answers || !discover_is(&l->entry[i], program))
			continue;
		if (found != NULL)
			return NULL;
		found = &l->entry[i];
	}
	return found;
}

const struct discover_entry *
discover_only(const struct discover_list *l, enum discover_program program)
{
	const struct discover_entry *e = only_of(l, program);

	return e == NULL && program == DISCOVER_ANY ? only_of(l, DISCOVER_PROXY) : e;
}
