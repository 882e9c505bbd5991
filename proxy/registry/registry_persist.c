/* registry_persist.c - see registry_persist.h. */
#include "registry_persist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic_file.h"
#include "atomic_file_io.h"
#include "clock.h"
#include "log.h"
#include "registry_dump.h"
#include "runtime_dir.h"
#include "state_lock.h"

enum { BEAT_MIN_MS = 250, BEAT_MAX_MS = 30000 };

struct registry_persist {
	struct registry_persist_env env;
	struct atomic_file *file;
	bool has_last; /* when the process before this one last lived */
	struct state_lock_beat last;
};

/* ---- where ---- */

static char *
default_folder(bool detached)
{
	const char *given = getenv("STATE_DIRECTORY"), *user = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");
	char *out = NULL;
	int n = 0;

	/* The service manager's, which may name several. */
	if (given != NULL && given[0] == '/')
		return strndup(given, strcspn(given, ":"));
	if (!detached)
		return NULL;
	if (geteuid() == 0)
		return strdup("/var/lib/policypool");
	if (user != NULL && user[0] == '/')
		n = asprintf(&out, "%s/policypool", user);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&out, "%s/.local/state/policypool", home);
	return n < 0 ? NULL : out;
}

char *
registry_persist_path(const char *configured, bool detached, const char *name, int *error)
{
	char *folder, *path = NULL;

	*error = 0;
	if (strcmp(configured, "none") == 0)
		return NULL;
	if (configured[0] != '\0') {
		path = strdup(configured);
	} else {
		folder = default_folder(detached);
		if (folder == NULL)
			return NULL;
		if (asprintf(&path, "%s/%s.journal", folder, name) < 0)
			path = NULL;
		free(folder);
	}
	*error = path == NULL ? ENOMEM : 0;
	return path;
}

/* ---- writing ---- */

static int
compose(struct buf *out, void *arg)
{
	const struct registry_persist *k = arg;

	if (registry_dump_write(out, k->env.registry, clock_ms(), clock_wall_ms()) == 0)
		return 0;
	log_event(LOG_ERROR, "out of memory for the journal", NULL);
	return -1;
}

static void
on_trouble(int error, void *arg)
{
	const struct registry_persist *k = arg;
	char why[EVENTS_WHY];

	if (error == 0) {
		log_event(LOG_INFO, "the journal is written again", "path=%s",
			  log_quoted(k->env.path));
		events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, "it is written again");
		return;
	}
	(void)snprintf(why, sizeof why, "it cannot be written: %s",
		       error == EAGAIN ? "another process has locked it" : strerror(error));
	log_event(LOG_ERROR, "cannot write the journal; it is tried again",
		  "path=%s file=%s why=%s", log_quoted(k->env.path),
		  log_quoted(atomic_file_failed_at(k->file)), log_quoted(why));
	events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, why);
}

static const struct atomic_file_ops ops = {compose, on_trouble};

/* ---- reading ---- */

static void
set_aside(const struct registry_persist *k, const char *why)
{
	char to[4200], text[EVENTS_WHY];

	if (atomic_file_set_aside(k->env.path, to, sizeof to) < 0) {
		log_errno(LOG_ERROR, "the journal cannot be used, nor set aside", "path=%s why=%s",
			  log_quoted(k->env.path), log_quoted(why));
		return;
	}
	log_event(LOG_ERROR, "the journal cannot be used: set aside", "path=%s now=%s why=%s",
		  log_quoted(k->env.path), log_quoted(to), log_quoted(why));
	(void)snprintf(text, sizeof text, "set aside: %.140s", why);
	events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, text);
}

/* By the clock on the wall; 0 where that cannot be. */
static uint64_t
ms_since(uint64_t saved)
{
	struct state_lock_beat now, written = {.wall = saved};

	state_lock_now(&now);
	return state_lock_age(&written, &now);
}

/* What was written by a proxy that lived longer ago.  The file's own word is that of its last
 * change, and by a clock that may have been set since. */
static bool
too_old(const struct registry_persist *k, uint64_t saved)
{
	uint64_t age = ms_since(saved), lived;
	struct state_lock_beat now;

	state_lock_now(&now);
	lived = k->has_last ? state_lock_age(&k->last, &now) : age;
	return k->env.max_age > 0 && age > k->env.max_age && lived > k->env.max_age;
}

static void
tell_recalled(const struct registry_persist *k)
{
	unsigned servers = registry_server_end(k->env.registry),
		 policies = registry_policy_end(k->env.registry);
	char text[EVENTS_WHY];

	log_event(LOG_INFO, "servers known from the journal", "path=%s servers=%u policies=%u",
		  log_quoted(k->env.path), servers, policies);
	(void)snprintf(text, sizeof text, "%u servers of %u policies known from the journal",
		       servers, policies);
	events_add(k->env.events, EVENT_RESTORED, NULL, NULL, text);
}

/* The age is looked at before anything is restored. */
static int
judge_age(const struct registry_persist *k, struct span text, char why[REGISTRY_DUMP_WHY])
{
	uint64_t saved = registry_dump_saved(text);

	if (saved > 0 && too_old(k, saved)) {
		(void)snprintf(why, REGISTRY_DUMP_WHY, "it is older than state_max_age");
		return -1;
	}
	return 0;
}

void
registry_persist_recall(struct registry_persist *k)
{
	struct buf text = BUF_INIT;
	char why[REGISTRY_DUMP_WHY];
	uint64_t saved;

	if (k == NULL)
		return;
	if (atomic_file_read(k->env.path, &text) < 0) {
		if (errno != ENOENT)
			set_aside(k, strerror(errno));
	} else if (judge_age(k, buf_span(&text), why) < 0 ||
		   registry_dump_read(k->env.registry, buf_span(&text), REGISTRY_DUMP_FOUND,
				      clock_ms(), ms_since(registry_dump_saved(buf_span(&text))),
				      &saved, why) < 0) {
		set_aside(k, why);
	} else {
		tell_recalled(k);
	}
	buf_release(&text);
}

/* ---- making and freeing ---- */

/* Makes a missing one; somebody else's is not used. */
static int
prepare(const char *folder)
{
	return runtime_dir_prepare(folder, 0700);
}

/* The file's folder, unless it is the root's. */
static int
with_folder(const char *path, int (*use)(const char *folder))
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc;

	if (slash == NULL || slash == path)
		return 0;
	folder = strndup(path, (size_t)(slash - path));
	rc = folder == NULL ? -1 : use(folder);
	free(folder);
	return rc;
}

int
registry_persist_check(const char *path)
{
	return with_folder(path, runtime_dir_can_prepare);
}

int
registry_persist_lock(const char *path, int *lock)
{
	char *lock_path = state_lock_path(path);
	long holder = 0;

	*lock = -1;
	errno = ENOMEM;
	if (lock_path != NULL && with_folder(path, prepare) == 0)
		*lock = state_lock_take(lock_path, &holder);
	free(lock_path);
	if (*lock >= 0 || errno != EAGAIN)
		return 0;
	log_event(
		LOG_ERROR,
		"another proxy has this state file: give each one its own, or none, by state_file",
		"path=%s by_pid=%ld", log_quoted(path), holder);
	return -1;
}

/* A quarter of the age at which it would not be believed. */
static uint64_t
beat_ms(uint64_t max_age)
{
	uint64_t ms = max_age / 4;

	if (max_age == 0 || ms > BEAT_MAX_MS)
		return BEAT_MAX_MS;
	return ms < BEAT_MIN_MS ? BEAT_MIN_MS : ms;
}

struct registry_persist *
registry_persist_new(const struct registry_persist_env *env)
{
	struct registry_persist *k = calloc(1, sizeof *k);

	if (k != NULL) {
		k->env = *env;
		/* One that can't be made is told of by the first write, which is tried again. */
		if (with_folder(env->path, prepare) == 0 || (errno != EPERM && errno != ENOTDIR))
			k->file = atomic_file_new(env->base, env->path, &ops, k);
	}
	if (k == NULL || k->file == NULL) {
		log_errno(LOG_ERROR, "no journal is kept", "path=%s", log_quoted(env->path));
		if (env->lock >= 0)
			(void)close(env->lock);
		free(k);
		return NULL;
	}
	k->has_last = env->lock >= 0 && state_lock_read(env->lock, &k->last);
	atomic_file_own(k->file, env->lock);
	atomic_file_beat(k->file, beat_ms(env->max_age));
	return k;
}

int
registry_persist_dup_lock(const struct registry_persist *k)
{
	return k == NULL ? -1 : atomic_file_dup_lock(k->file);
}

void
registry_persist_changed(struct registry_persist *k)
{
	if (k != NULL)
		atomic_file_touch(k->file);
}

void
registry_persist_end(struct registry_persist *k)
{
	if (k != NULL && atomic_file_flush(k->file) < 0)
		log_errno(LOG_WARN, "the journal's last state is not written", "path=%s file=%s",
			  log_quoted(k->env.path), log_quoted(atomic_file_failed_at(k->file)));
}

void
registry_persist_free(struct registry_persist *k)
{
	if (k == NULL)
		return;
	atomic_file_free(k->file);
	free(k);
}

void
registry_persist_after_fork(struct registry_persist *k)
{
	if (k == NULL)
		return;
	atomic_file_after_fork(k->file);
	free(k);
}
