/* upgrade.c - see upgrade.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "log.h"
#include "proctitle.h"
#include "reaper.h"
#include "sd_notify.h"
#include "status.h"
#include "upgrade_internal.h"

enum {
	HURRY_MS = 1000, /* that a predecessor has to end at once */
	FINISH_MS = 1000 /* for what the successor has not read when this process ends */
};

/* ---- outcomes ---- */

static void
close_events(struct upgrade *u)
{
	struct event **ev[] = {&u->on_channel, &u->on_errors};

	for (size_t i = 0; i < 2; i++) {
		if (*ev[i] != NULL)
			event_free(*ev[i]);
		*ev[i] = NULL;
	}
}

static void
close_all(struct upgrade *u)
{
	close_events(u);
	channel_queue_free(u->outbox);
	u->outbox = NULL;
	if (u->channel >= 0)
		(void)close(u->channel);
	if (u->errors >= 0) {
		upgrade_hear_end(u);
		(void)close(u->errors);
	}
	u->channel = u->errors = -1;
	(void)event_del(u->clock);
	takeover_env_drop(&u->bequest);
}

static void
answer(struct upgrade *u, struct json_object *data, const char *error)
{
	struct control_deferred *asker = u->asker;

	u->asker = NULL;
	if (asker != NULL)
		control_settle(asker, data, error);
	else
		(void)json_object_put(data);
}

static void
fail(struct upgrade *u, const char *what)
{
	if (u->errors >= 0) {
		upgrade_read_stderr(u);
		upgrade_hear_line(u);
	}
	(void)snprintf(u->why, sizeof u->why, "%s%s%s", what, u->said[0] != '\0' ? ": " : "",
		       u->said);
	if (supervisor_stopping(u->env.supervisor))
		log_event(LOG_INFO, "not upgraded", "why=%s", log_quoted(u->why));
	else
		log_event(LOG_ERROR, "not upgraded; this process goes on", "why=%s",
			  log_quoted(u->why));
	/* Its workers end with it.  Behind a wrapper that has ended there may be another process.
	 */
	double_fork_kill(&u->fork);
	if (u->outbox != NULL &&
	    channel_queue_send(u->outbox, CHANNEL_CANCEL, span_of(NULL, 0), -1) < 0 &&
	    errno != EPIPE)
		log_errno(LOG_WARN, "cannot tell the successor to end", NULL);
	double_fork_end(&u->fork);
	close_all(u);
	reaper_cancel();
	reaper_pause_adopting(false);
	u->state = UPGRADE_NONE;
	answer(u, NULL, u->why);
	reload_release(u->env.reload);
	upgrade_resume(u);
}

static struct json_object *
good_news(const struct upgrade *u)
{
	struct json_object *o = json_object_new_object();

	if (o == NULL)
		return NULL;
	status_add_text(o, "done", "upgraded");
	status_add_number(o, "pid", (uint64_t)u->fork.pid);
	return o;
}

/* The service manager, or the process that stays for it, learns which one is in charge. */
static void
tell_who(const struct upgrade *u)
{
	pid_t parent, its = double_fork_parent_of(u->fork.pid);
	int line = takeover_parent(&parent);

	if (line >= 0 && reaper_name(line, u->fork.pid) < 0)
		log_errno(LOG_ERROR, "cannot tell which process is in charge", "parent_pid=%d",
			  (int)parent);
	if (line >= 0)
		return;
	reaper_begin(u->fork.pid);
	if (reaper_is_on())
		return;
	if (sd_notify_is_on() && its != 0 && its != getppid())
		log_event(LOG_WARN, "the service manager may not notice the successor's end",
			  "its_parent=%d own_parent=%d", (int)its, (int)getppid());
	sd_notify_main_pid(u->fork.pid);
}

/* What came too late for the successor to have seen it. */
static void
pass_orders_on(struct upgrade *u)
{
	if (reload_supersede(u->env.reload) && kill(u->fork.pid, SIGHUP) < 0)
		log_errno(LOG_ERROR, "cannot pass a reload on", "to_pid=%d", (int)u->fork.pid);
	if (u->remembered && kill(u->fork.pid, SIGUSR2) < 0)
		log_errno(LOG_ERROR, "cannot pass an upgrade on", "to_pid=%d", (int)u->fork.pid);
	u->remembered = false;
}

static void
succeed(struct upgrade *u)
{
	u->state = UPGRADE_OVER;
	u->why[0] = '\0';
	log_event(LOG_INFO,
		  u->stays ? "upgraded; this process stays as its parent"
			   : "upgraded; this process ends when its workers are done",
		  "to_pid=%d", (int)u->fork.pid);
	u->ops->handed_over(u->ctx);
	tell_who(u);
	sd_notify_close();
	if (channel_queue_send(u->outbox, CHANNEL_GO, span_of(NULL, 0), -1) < 0)
		log_errno(LOG_ERROR, "cannot tell the successor to go ahead", NULL);
	answer(u, good_news(u), "upgraded; out of memory to say more");
	pass_orders_on(u);
	proctitle_set("former master");
	if (upgrade_took(u, TAKEOVER_LISTEN))
		supervisor_yield(u->env.supervisor);
	else
		supervisor_stop_workers(u->env.supervisor);
}

/* It serves.  Where the service manager is told that it is in charge, it has to be the manager's
 * child by then. */
static void
release(struct upgrade *u, struct span taken)
{
	(void)snprintf(u->taken, sizeof u->taken, " %.*s", SPAN_ARG(taken));
	(void)event_del(u->clock);
	takeover_env_drop(&u->bequest);
	u->state = UPGRADE_RELEASED;
	reaper_pause_adopting(true);
	double_fork_release(&u->fork);
}

/* ---- what the successor says ---- */

static void
lose(struct upgrade *u)
{
	log_errno(LOG_ERROR, "cannot read what the successor says", NULL);
	if (u->state == UPGRADE_STARTING)
		fail(u, "what the successor says cannot be read");
	else
		(void)event_del(u->on_channel);
}

void
upgrade_on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	enum channel_tag tag;
	struct span body;
	pid_t from;

	(void)what;
	while (u->on_channel != NULL) {
		switch (channel_receive_from(fd, u->space, &tag, &body, &from)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_FAILED: lose(u); return;
		case CHANNEL_ENDED: (void)event_del(u->on_channel); return; /* SIGCHLD follows */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_READY && u->state == UPGRADE_STARTING && from == u->fork.pid)
			release(u, body);
		else if (tag == CHANNEL_READY && u->state == UPGRADE_STARTING)
			fail(u, "what serves is not the process that was executed: a wrapper has "
				"to exec the daemon");
		else if (tag == CHANNEL_DATA)
			u->ops->on_data(body, u->ctx);
	}
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, "the successor was not ready in time");
}

/* The intermediate ends as the successor does, until that is let go. */
static void
on_other_child(pid_t pid, int status, void *arg)
{
	struct upgrade *u = arg;
	char what[64];

	if (reaper_child_ended(pid, status) && status != 0)
		supervisor_stop(u->env.supervisor, true); /* nobody accepts meanwhile */
	if (pid != u->fork.intermediate)
		return;
	reaper_pause_adopting(false);
	(void)snprintf(what, sizeof what, "the successor ended with %s %d",
		       WIFSIGNALED(status) ? "signal" : "code",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (u->state == UPGRADE_RELEASED && status == 0) {
		double_fork_end(&u->fork);
		succeed(u);
	} else {
		fail(u, what);
	}
}

void
upgrade_stop(struct upgrade *u)
{
	if (u->state == UPGRADE_STARTING || u->state == UPGRADE_RELEASED)
		fail(u, "the daemon stops");
}

static bool
forward(int sig, void *arg)
{
	const struct upgrade *u = arg;

	if (sig == SIGINT || sig == SIGQUIT ||
	    (sig == SIGTERM && supervisor_stopping(u->env.supervisor)))
		takeover_hurry_predecessor();
	return u->state == UPGRADE_OVER && reaper_forward(sig);
}

static bool
waits(void *arg)
{
	const struct upgrade *u = arg;
	struct supervisor_view v;

	supervisor_snapshot(u->env.supervisor, &v);
	if (v.at_once)
		takeover_hurry_predecessor();
	return takeover_predecessor_is_left(v.at_once ? HURRY_MS : v.stop_timeout);
}

/* Why this process can't be upgraded any more; NULL: it can, now or later. */
static const char *
never(const struct upgrade *u)
{
	if (u->state == UPGRADE_OVER)
		return "this process has handed over already";
	return supervisor_stopping(u->env.supervisor) ? "not now: it stops" : NULL;
}

/* Not yet: what is under way has to end first. */
static bool
has_to_wait(const struct upgrade *u)
{
	struct supervisor_view v;

	supervisor_snapshot(u->env.supervisor, &v);
	return u->state != UPGRADE_NONE || takeover_is_pending() || reload_runs(u->env.reload) ||
	       strcmp(v.state, "starting") == 0;
}

static void
begin(struct upgrade *u)
{
	u->remembered = false;
	u->said[0] = u->taken[0] = '\0';
	u->state = UPGRADE_STARTING;
	reload_pause(u->env.reload);
	log_event(LOG_INFO, "upgrading", "binary=%s", log_quoted(u->env.command->binary));
	if (upgrade_start(u) < 0) {
		fail(u, strerror(errno));
		return;
	}
	takeover_env_close(&u->bequest);
}

/* From the loop: the order is answered by what comes of it. */
static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	const char *why = never(u);

	(void)fd;
	(void)what;
	if (!u->remembered)
		return;
	if (why != NULL) {
		u->remembered = false;
		log_event(LOG_WARN, "no upgrade", "why=%s", log_quoted(why));
		answer(u, NULL, why);
	} else if (!has_to_wait(u)) {
		begin(u);
	}
}

void
upgrade_resume(struct upgrade *u)
{
	if (u != NULL && u->remembered)
		event_active(u->kick, EV_TIMEOUT, 0);
}

void
upgrade_in_charge(struct upgrade *u)
{
	reload_release(u->env.reload);
	upgrade_resume(u);
}

static void
on_reloaded(void *arg)
{
	upgrade_resume(arg);
}

void
upgrade_request(struct upgrade *u)
{
	if (!u->remembered && has_to_wait(u))
		log_event(LOG_INFO, "an upgrade is asked for, and has to wait", NULL);
	u->remembered = true;
	upgrade_resume(u);
}

/* ---- the order ---- */

static void
asker_gone(void *arg)
{
	struct upgrade *u = arg;

	u->asker = NULL;
}

static struct json_object *
run_upgrade(const struct control_call *call, const char **error, void *arg)
{
	struct upgrade *u = arg;

	*error = u->asker != NULL || u->state == UPGRADE_STARTING || u->state == UPGRADE_RELEASED
			 ? "an upgrade is under way"
			 : never(u);
	if (*error != NULL)
		return NULL;
	u->asker = control_defer(call, asker_gone, u);
	if (u->asker == NULL)
		*error = "out of memory";
	else
		upgrade_request(u);
	return NULL;
}

const struct control_verb upgrade_verbs[] = {
	{.name = "upgrade", .changes = true, .run = run_upgrade},
	{.name = NULL},
};

static void
on_order(void *arg)
{
	upgrade_request(arg);
}

static const struct supervisor_succession succession = {.on_upgrade = on_order,
							.on_other_child = on_other_child,
							.forward = forward,
							.waits = waits};

/* ---- life ---- */

struct upgrade *
upgrade_new(const struct upgrade_env *env, const struct upgrade_ops *ops, void *ctx)
{
	struct upgrade *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->env = *env;
	u->ops = ops;
	u->ctx = ctx;
	u->channel = u->errors = u->fork.orders = u->fork.process = -1;
	u->clock = event_new(env->base, -1, 0, on_clock, u);
	u->kick = event_new(env->base, -1, 0, on_kick, u);
	if (u->clock == NULL || u->kick == NULL) {
		upgrade_free(u);
		return NULL;
	}
	reload_on_end(env->reload, on_reloaded, u);
	supervisor_succeeded_by(env->supervisor, &succession, u);
	if (takeover_is_on()) /* what it has read is the newest when it takes over */
		reload_pause(env->reload);
	return u;
}

void
upgrade_free(struct upgrade *u)
{
	if (u == NULL)
		return;
	if (u->clock != NULL) {
		if (u->outbox != NULL && u->state == UPGRADE_OVER)
			channel_queue_finish(u->outbox, FINISH_MS);
		close_all(u);
		event_free(u->clock);
	}
	if (u->kick != NULL)
		event_free(u->kick);
	double_fork_end(&u->fork);
	free(u);
}

bool
upgrade_took(const struct upgrade *u, enum takeover_kind kind)
{
	char word[32];

	(void)snprintf(word, sizeof word, " %s ", takeover_kind_text(kind));
	return strstr(u->taken, word) != NULL;
}

bool
upgrade_is_on(const struct upgrade *u)
{
	return u->state != UPGRADE_NONE;
}

bool
upgrade_is_over(const struct upgrade *u)
{
	return u->state == UPGRADE_OVER;
}

int
upgrade_send(struct upgrade *u, struct span message)
{
	if (u->channel >= 0)
		return channel_queue_send(u->outbox, CHANNEL_DATA, message, -1);
	errno = ESRCH;
	return -1;
}

void
upgrade_add_status(const struct upgrade *u, struct json_object *o)
{
	pid_t parent;

	if (takeover_parent(&parent) >= 0)
		status_add_number(o, "parent_pid", (uint64_t)parent);
	if (u->why[0] != '\0')
		status_add_text(o, "upgrade_error", u->why);
}
