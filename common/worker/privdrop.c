/* privdrop.c - see privdrop.h. */
#include "privdrop.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

/* ---- capabilities, without a library: three calls ---- */

enum { CAP_WORDS = _LINUX_CAPABILITY_U32S_3 };

static int
get_capabilities(struct __user_cap_data_struct data[CAP_WORDS])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &head, data);
}

static bool
has_capability(unsigned cap)
{
	struct __user_cap_data_struct data[CAP_WORDS] = {{0, 0, 0}};

	return get_capabilities(data) == 0 && (data[cap / 32].effective >> cap % 32 & 1) != 0;
}

/* Those that an executed program could gain; only with the right to drop them. */
static int
drop_bounding_set(const struct privdrop *i)
{
	(void)i;
	if (!has_capability(CAP_SETPCAP))
		return 0;
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap) < 0)
			return -1;
	return 0;
}

static bool
has_none(const struct __user_cap_data_struct data[CAP_WORDS])
{
	for (int i = 0; i < CAP_WORDS; i++)
		if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
			return false;
	return true;
}

/* One that has none is not asked to drop them: a service manager may have forbidden the call. */
static int
drop_capabilities(const struct privdrop *i)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[CAP_WORDS] = {{0, 0, 0}}, left[CAP_WORDS] = {{0, 0, 0}};

	(void)i;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0 && errno != EINVAL)
		return -1;
	if (get_capabilities(left) < 0)
		return -1;
	if (has_none(left))
		return 0;
	if (syscall(SYS_capset, &head, none) < 0 || get_capabilities(left) < 0)
		return -1;
	errno = EPERM;
	return has_none(left) ? 0 : -1;
}

/* ---- planning ---- */

static int
wrong(const char *program, const char *key, const char *value, const char *why, FILE *err)
{
	(void)fprintf(err, "%s: %s: %s: %s\n", program, key, value, why);
	return -1;
}

/* A decimal id; false when it is a name. */
static bool
is_id(const char *text, unsigned *id)
{
	char *end;
	unsigned long v;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || v >= UINT32_MAX)
		return false;
	*id = (unsigned)v;
	return true;
}

/* False when there is none of that name; a number needs no entry. */
static bool
find_group(const char *text, gid_t *gid)
{
	const struct group *g;
	unsigned id;

	if (is_id(text, &id)) {
		*gid = id;
		return true;
	}
	g = getgrnam(text);
	if (g != NULL)
		*gid = g->gr_gid;
	return g != NULL;
}

static int
plan_group(struct privdrop *i, const struct privdrop_conf *c, const char *program, FILE *err)
{
	gid_t gid;

	if (c->group[0] == '\0')
		return 0;
	if (!find_group(c->group, &gid))
		return wrong(program, "group", c->group, "no such group", err);
	if (geteuid() != 0 && gid != getegid())
		return wrong(program, "group", c->group, "only root can change it", err);
	i->change_user = geteuid() == 0;
	i->gid = gid;
	i->groups = 0; /* that group and no other */
	return 0;
}

/* Without its groups and number it would be nobody in particular. */
static int
plan_user(struct privdrop *i, const struct passwd *u, const char *key, const char *program,
	  FILE *err)
{
	i->groups = PRIVDROP_GROUPS;
	if (getgrouplist(u->pw_name, u->pw_gid, i->group, &i->groups) < 0)
		return wrong(program, key, u->pw_name, "in too many groups; say group", err);
	i->change_user = true;
	i->uid = u->pw_uid;
	i->gid = u->pw_gid;
	return 0;
}

static int
plan_asked_user(struct privdrop *i, const struct privdrop_conf *c, const char *program, FILE *err)
{
	unsigned id = 0;
	bool number = is_id(c->user, &id);
	const struct passwd *u = number ? getpwuid(id) : getpwnam(c->user);
	const char *key = c->user_key != NULL ? c->user_key : "user";

	if (u == NULL && !number)
		return wrong(program, key, c->user, "no such user", err);
	if ((u != NULL ? u->pw_uid : id) == geteuid())
		return 0;
	if (geteuid() != 0)
		return wrong(program, key, c->user, "only root can become another user", err);
	if (u != NULL)
		return plan_user(i, u, key, program, err);
	/* A number that has no entry has no groups: the one of the same number, or `group`. */
	i->change_user = true;
	i->uid = id;
	i->gid = id;
	i->groups = 0;
	return 0;
}

/* Root that was told nothing does not let its workers be root, where it can. */
static int
plan_default_user(struct privdrop *i, const char *program, FILE *err)
{
	const struct passwd *u;

	if (geteuid() != 0 || !has_capability(CAP_SETUID) || !has_capability(CAP_SETGID))
		return 0;
	u = getpwnam(PRIVDROP_USER);
	if (u == NULL)
		u = getpwnam("nobody");
	if (u == NULL)
		return wrong(program, "user", PRIVDROP_USER,
			     "no such user, nor nobody; say which, root to stay it", err);
	return plan_user(i, u, "user", program, err);
}

static int
make_plan(struct privdrop *i, const struct privdrop_conf *c, const char *program, FILE *err)
{
	*i = (struct privdrop){.uid = geteuid(),
			       .gid = getegid(),
			       .level = (enum isolation)c->level,
			       .umask = (mode_t)c->umask,
			       .max_files = c->max_files,
			       .core = c->core,
			       .address_space = c->address_space};
	if ((c->user[0] != '\0' ? plan_asked_user(i, c, program, err)
				: plan_default_user(i, program, err)) < 0)
		return -1;
	return plan_group(i, c, program, err);
}

int
privdrop_check(struct privdrop_conf *c, const char *program, FILE *err)
{
	if (sandbox_check((enum isolation)c->level, program, err) < 0)
		return -1;
	return make_plan(&c->plan, c, program, err);
}

/* ---- applying ---- */

static int
limit(int resource, uint64_t to)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) < 0)
		return -1;
	if (l.rlim_max != RLIM_INFINITY && to > l.rlim_max)
		to = l.rlim_max;
	l.rlim_cur = l.rlim_max = to;
	return setrlimit((__rlimit_resource_t)resource, &l);
}

/* What the master has raised for it is all there will be. */
static int
limit_files(unsigned to)
{
	struct rlimit l;

	if (to == 0 && getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -1;
	return limit(RLIMIT_NOFILE, to > 0 ? to : l.rlim_cur);
}

static int
apply_limits(const struct privdrop *i)
{
	if (limit_files(i->max_files) < 0 || limit(RLIMIT_CORE, i->core) < 0)
		return -1;
	return i->address_space > 0 ? limit(RLIMIT_AS, i->address_space) : 0;
}

static int
verify_user(const struct privdrop *i)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return -1;
	if (ruid == i->uid && euid == i->uid && suid == i->uid && rgid == i->gid &&
	    egid == i->gid && sgid == i->gid && getgroups(0, NULL) == i->groups &&
	    (i->uid == 0 || setuid(0) < 0))
		return 0;
	errno = EPERM;
	return -1;
}

static int
become_user(const struct privdrop *i)
{
	if (!i->change_user)
		return 0;
	if (setgroups((size_t)i->groups, i->group) < 0 || setresgid(i->gid, i->gid, i->gid) < 0 ||
	    setresuid(i->uid, i->uid, i->uid) < 0)
		return -1;
	return verify_user(i);
}

/* The kernel makes a process that changed its user one that can't be traced nor dump core, which is
 * what we want, except where a core file is wanted; and a leak check is by tracing. */
static int
apply_dumpable(const struct privdrop *i)
{
	return i->core == 0 && !SANDBOX_SANITIZED ? 0 : prctl(PR_SET_DUMPABLE, 1);
}

static int
set_no_new_privs(const struct privdrop *i)
{
	(void)i;
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
}

/* In this order: what needs a privilege stands before what gives it up. */
static const struct {
	const char *name;
	bool privileges; /* not with ISOLATION_NONE */
	int (*apply)(const struct privdrop *);
} steps[] = {{"limits", false, apply_limits},
	     {"bounding set", true, drop_bounding_set},
	     {"user", false, become_user},
	     {"capabilities", true, drop_capabilities},
	     {"no_new_privs", true, set_no_new_privs},
	     {"dumpable", false, apply_dumpable}};

int
privdrop_apply(const struct privdrop *i)
{
	(void)umask(i->umask);
	for (size_t n = 0; n < sizeof steps / sizeof *steps; n++)
		if ((i->level != ISOLATION_NONE || !steps[n].privileges) && steps[n].apply(i) < 0) {
			log_errno(LOG_ERROR, "worker cannot be isolated", "step=%s",
				  log_quoted(steps[n].name));
			return -1;
		}
	return 0;
}

/* ---- descriptors ---- */

void
fd_keep_add(struct fd_keep *k, int fd)
{
	size_t room = k->room == 0 ? 16 : 2 * k->room;
	int *more;

	if (fd < 0)
		return;
	if (k->n == k->room) {
		more = realloc(k->fd, room * sizeof *more);
		if (more == NULL) {
			k->short_of_memory = true;
			return;
		}
		k->fd = more;
		k->room = room;
	}
	k->fd[k->n++] = fd;
}

static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int
fd_keep_close_others(struct fd_keep *k)
{
	unsigned from = STDERR_FILENO + 1;

	if (k->short_of_memory) {
		errno = ENOMEM;
		return -1;
	}
	if (k->n > 0)
		qsort(k->fd, k->n, sizeof *k->fd, by_number);
	for (size_t i = 0; i < k->n; i++) {
		unsigned fd = (unsigned)k->fd[i];
		if (fd > from && close_range(from, fd - 1, 0) < 0)
			return -1;
		if (fd >= from)
			from = fd + 1;
	}
	return close_range(from, UINT_MAX, 0);
}

void
fd_keep_release(struct fd_keep *k)
{
	free(k->fd);
	*k = (struct fd_keep){0};
}
