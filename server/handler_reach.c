/* handler_reach.c - see handler_reach.h. */
#include "handler_reach.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The folder of that many names, counted from 1; its length, 0: there is none. */
static size_t
length_of(const char *path, unsigned depth)
{
	const char *slash = path;

	while (depth-- > 0 && slash != NULL)
		slash = strchr(slash + 1, '/');
	return slash != NULL ? (size_t)(slash - path) : 0;
}

/* As a number that an exit status has room for.  0: all may be entered. */
static unsigned
closed_depth(const char *path)
{
	char folder[PATH_MAX];
	size_t n;

	for (unsigned depth = 1; depth < 250 && (n = length_of(path, depth)) > 0; depth++) {
		if (n >= sizeof folder)
			break;
		memcpy(folder, path, n);
		folder[n] = '\0';
		if (access(folder, X_OK) < 0)
			return errno == EACCES ? depth : 0;
	}
	return 0;
}

size_t
handler_reach_closed(const char *path)
{
	unsigned depth = closed_depth(path);

	return depth > 0 ? length_of(path, depth) : 0;
}

enum { MISSING = 255, DENIED = 254 }; /* beside the depth of a folder that is closed */

static unsigned
look(const char *path, int how)
{
	unsigned depth = closed_depth(path);

	if (depth > 0 || access(path, how) == 0)
		return depth;
	return errno == EACCES ? DENIED : errno == ENOENT || errno == ENOTDIR ? MISSING : 0;
}

/* What look() returns as the plan's user, which a process of its own becomes; 0 where that cannot
 * be tried. */
static unsigned
look_as(const struct privdrop *plan, const char *path, int how)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups((size_t)plan->groups, plan->group) < 0 || setgid(plan->gid) < 0 ||
		    setuid(plan->uid) < 0)
			_exit(0);
		_exit((int)look(path, how));
	}
	if (pid < 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 0;
}

enum handler_reach
handler_reach_file(const struct privdrop *plan, const char *path, int how, size_t *folder)
{
	unsigned found = plan->change_user ? look_as(plan, path, how) : look(path, how);

	*folder = 0;
	if (found == 0)
		return HANDLER_REACH_FINE;
	if (found >= DENIED)
		return found == MISSING ? HANDLER_REACH_MISSING : HANDLER_REACH_DENIED;
	*folder = length_of(path, found);
	return HANDLER_REACH_CLOSED;
}

const char *
handler_reach_user(uid_t uid, char out[32])
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		(void)snprintf(out, 32, "%s", user->pw_name);
	else
		(void)snprintf(out, 32, "%u", (unsigned)uid);
	return out;
}
