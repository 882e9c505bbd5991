/* listen_unix.c - see listen_unix.h. */
#include "listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "net.h"
#include "runtime_dir.h"

/* ---- judging ---- */

/* A decimal number; false when it is a name. */
static bool
is_number(const char *text, unsigned *n)
{
	char *end;
	unsigned long v;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || v >= UINT_MAX)
		return false;
	*n = (unsigned)v;
	return true;
}

/* NULL, or what is wrong. */
static const char *
find_owner(const char *text, uid_t *owner)
{
	const struct passwd *u;
	unsigned id;

	*owner = (uid_t)-1;
	if (text[0] == '\0')
		return NULL;
	if (is_number(text, &id)) {
		*owner = id;
	} else {
		u = getpwnam(text);
		if (u == NULL)
			return "no such user";
		*owner = u->pw_uid;
	}
	return geteuid() == 0 || *owner == geteuid() ? NULL : "only root can give it to another";
}

static bool
is_in_group(gid_t group)
{
	int n = getgroups(0, NULL);
	gid_t *all = n > 0 ? malloc((size_t)n * sizeof *all) : NULL;
	bool in = group == getegid();

	n = all != NULL ? getgroups(n, all) : 0;
	for (int i = 0; i < n; i++)
		in = in || all[i] == group;
	free(all);
	return in;
}

static const char *
find_group(const char *text, gid_t *group)
{
	const struct group *g;
	unsigned id;

	*group = (gid_t)-1;
	if (text[0] == '\0')
		return NULL;
	if (is_number(text, &id)) {
		*group = id;
	} else {
		g = getgrnam(text);
		if (g == NULL)
			return "no such group";
		*group = g->gr_gid;
	}
	return geteuid() == 0 || is_in_group(*group)
		       ? NULL
		       : "only root can give it to a group that it is not in";
}

static int
wrong(const char *program, const char *key, const char *value, const char *why, FILE *err)
{
	(void)fprintf(err, "%s: %s: %s: %s\n", program, key, value, why);
	return -1;
}

static int
find_rights(struct daemon_conf *d, const char *program, FILE *err)
{
	const char *why = find_owner(d->listen_owner, &d->listen_rights.owner);

	if (why != NULL)
		return wrong(program, "listen_owner", d->listen_owner, why, err);
	why = find_group(d->listen_group, &d->listen_rights.group);
	if (why != NULL)
		return wrong(program, "listen_group", d->listen_group, why, err);
	d->listen_rights.mode = (mode_t)d->listen_mode;
	return 0;
}

/* The folder can be written to; the runtime folder is made where it is missing. */
static int
check_folder(const struct daemon_conf *d, const char *path)
{
	char folder[PATH_MAX];
	size_t n = (size_t)(strrchr(path, '/') - path);
	char *runtime = daemon_runtime_dir(d->runtime_dir);
	bool ours = runtime != NULL && runtime_dir_has(runtime, path);
	int rc = ours ? runtime_dir_can_prepare(runtime) : 0;

	free(runtime);
	if (ours)
		return rc;
	memcpy(folder, path, n);
	folder[n] = '\0';
	return faccessat(AT_FDCWD, n == 0 ? "/" : folder, W_OK | X_OK, AT_EACCESS);
}

static const char *
why_not_there(const struct daemon_conf *d, const char *path)
{
	struct stat st;

	if (check_folder(d, path) < 0)
		return errno == ENOENT ? "its folder is missing" : strerror(errno);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return "what is there is no socket";
	return NULL;
}

int
listen_unix_check(struct daemon_conf *d, const struct listen_socket *v, const char *program,
		  FILE *err)
{
	if (find_rights(d, program, err) < 0)
		return -1;
	for (unsigned i = 0; i < v->n; i++) {
		const char *path = addr_path(&v->at[i].asked);
		const char *why = path != NULL ? why_not_there(d, path) : NULL;
		if (why != NULL)
			return wrong(program, "listen", path, why, err);
	}
	return 0;
}

/* ---- while it is there ---- */

void
listen_unix_remember(struct listen_place *p)
{
	if (addr_path(&p->addr) != NULL)
		net_unix_remember(&p->name, addr_path(&p->addr));
}

static bool
is_there(const struct listen_place *p)
{
	const char *path = addr_path(&p->addr);

	return path == NULL || net_unix_is_there(&p->name, path);
}

bool
listen_unix_is_sound(const struct listen_place *p)
{
	return is_there(p) && net_is_listening(p->fd);
}

void
listen_unix_tick(struct listen_place *p)
{
	char text[ADDR_TEXT];
	bool sound = listen_unix_is_sound(p);

	if (!sound && p->told == 0) {
		log_event(LOG_ERROR,
			  is_there(p) ? "the listening socket was shut down: reload to listen anew"
				      : "the path of the listening socket was removed: reload to "
					"listen anew",
			  "listen=%s", addr_text(&p->addr, text));
		p->told = clock_ms();
	} else if (sound) {
		p->told = 0;
	}
}

void
listen_unix_set_rights(const struct listen_place *p)
{
	const char *path = addr_path(&p->addr);
	char text[ADDR_TEXT];

	if (path == NULL || p->owner != LISTEN_OURS || !is_there(p))
		return;
	if (net_unix_set_rights(path, &p->rights) < 0)
		log_errno(LOG_ERROR, "cannot change the rights of the listening socket",
			  "listen=%s", addr_text(&p->addr, text));
}

/* ---- its end ---- */

void
listen_unix_remove(const struct listen_place *p)
{
	const char *path = addr_path(&p->addr);

	if (path != NULL && p->owner == LISTEN_OURS && is_there(p))
		(void)unlink(path);
}

void
listen_unix_remove_left(const struct listen_place *p)
{
	const char *path = addr_path(&p->addr);

	if (path != NULL && p->owner == LISTEN_SUCCESSORS && is_there(p) &&
	    net_unix_remove_stale(&p->addr) < 0 && errno != EADDRINUSE)
		log_errno(LOG_WARN, "cannot remove the path of the former listening socket",
			  "path=%s", path);
}
