/* keeper.c - see keeper.h. */
#include "keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "folder.h"
#include "journal.h"
#include "log.h"
#include "statefile.h"

struct keeper {
	struct keeper_env env;
	struct statefile *file;
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
keeper_path(const char *configured, bool detached, const char *name, int *error)
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
	const struct keeper *k = arg;

	if (journal_write(out, k->env.registry, clock_ms(), clock_wall_ms()) == 0)
		return 0;
	log_event(LOG_ERROR, "out of memory for the journal", NULL);
	return -1;
}

static void
on_trouble(int error, void *arg)
{
	const struct keeper *k = arg;
	char why[EVENTS_WHY];

	if (error == 0) {
		log_event(LOG_INFO, "the journal is written again", "path=%s",
			  log_quoted(k->env.path));
		events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, "it is written again");
		return;
	}
	errno = error;
	log_errno(LOG_ERROR, "cannot write the journal; it is tried again", "path=%s",
		  log_quoted(k->env.path));
	(void)snprintf(why, sizeof why, "it cannot be written: %s", strerror(error));
	events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, why);
}

static const struct statefile_ops ops = {compose, on_trouble};

/* ---- reading ---- */

static void
set_aside(const struct keeper *k, const char *why)
{
	char to[4200], text[EVENTS_WHY];

	if (statefile_set_aside(k->env.path, to, sizeof to) < 0) {
		log_errno(LOG_ERROR, "the journal cannot be used, nor set aside", "path=%s why=%s",
			  log_quoted(k->env.path), log_quoted(why));
		return;
	}
	log_event(LOG_ERROR, "the journal cannot be used: set aside", "path=%s now=%s why=%s",
		  log_quoted(k->env.path), log_quoted(to), log_quoted(why));
	(void)snprintf(text, sizeof text, "set aside: %.140s", why);
	events_add(k->env.events, EVENT_JOURNAL, NULL, NULL, text);
}

static bool
too_old(const struct keeper *k, uint64_t saved)
{
	uint64_t now = clock_wall_ms();

	return k->env.max_age > 0 && now > saved && now - saved > k->env.max_age;
}

static void
tell_recalled(const struct keeper *k)
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
judge_age(const struct keeper *k, struct span text, char why[JOURNAL_WHY])
{
	uint64_t saved = journal_saved(text);

	if (saved > 0 && too_old(k, saved)) {
		(void)snprintf(why, JOURNAL_WHY, "it is older than state_max_age");
		return -1;
	}
	return 0;
}

void
keeper_recall(struct keeper *k)
{
	struct buf text = BUF_INIT;
	char why[JOURNAL_WHY];
	uint64_t saved;

	if (k == NULL)
		return;
	if (statefile_read(k->env.path, &text) < 0) {
		if (errno != ENOENT)
			set_aside(k, strerror(errno));
	} else if (judge_age(k, buf_span(&text), why) < 0 ||
		   journal_read(k->env.registry, buf_span(&text), JOURNAL_FOUND, clock_ms(), &saved,
				why) < 0) {
		set_aside(k, why);
	} else {
		tell_recalled(k);
	}
	buf_release(&text);
}

/* ---- making and freeing ---- */

/* Makes a missing one; somebody else's is not used. */
static int
prepare_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc;

	if (slash == NULL || slash == path)
		return 0;
	folder = strndup(path, (size_t)(slash - path));
	rc = folder == NULL ? -1 : folder_prepare(folder, 0700);
	free(folder);
	return rc;
}

struct keeper *
keeper_new(const struct keeper_env *env)
{
	struct keeper *k = calloc(1, sizeof *k);

	if (k != NULL) {
		k->env = *env;
		/* One that can't be made is told of by the first write, which is tried again. */
		if (prepare_folder(env->path) == 0 || (errno != EPERM && errno != ENOTDIR))
			k->file = statefile_new(env->base, env->path, &ops, k);
	}
	if (k == NULL || k->file == NULL) {
		log_errno(LOG_ERROR, "no journal is kept", "path=%s", log_quoted(env->path));
		free(k);
		return NULL;
	}
	return k;
}

void
keeper_changed(struct keeper *k)
{
	if (k != NULL)
		statefile_touch(k->file);
}

void
keeper_end(struct keeper *k)
{
	if (k != NULL && statefile_flush(k->file) < 0)
		log_errno(LOG_WARN, "the journal's last state is not written", "path=%s",
			  log_quoted(k->env.path));
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	statefile_free(k->file);
	free(k);
}

void
keeper_after_fork(struct keeper *k)
{
	if (k == NULL)
		return;
	statefile_after_fork(k->file);
	free(k);
}
