/* upgrade.c - see upgrade.h. */
#include "upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bequest.h"
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "notify.h"
#include "proctitle.h"
#include "status.h"

enum { WHY_MAX = 512, SAID_MAX = 400 };

enum upgrade_state { UPGRADE_NONE, UPGRADE_STARTING, UPGRADE_OVER };

struct upgrade {
	struct upgrade_env env;
	const struct upgrade_ops *ops;
	void *ctx;
	enum upgrade_state state;
	struct bequest bequest;
	pid_t pid; /* of the successor, 0: none */
	int channel, errors;
	struct event *on_channel, *on_errors, *clock, *kick;
	struct control_deferred *asker; /* who gave the order, or NULL */
	char taken[64];
	char said[SAID_MAX]; /* the last that the successor said on stderr */
	char why[WHY_MAX];   /* what was wrong with the last one; empty: nothing */
	char space[CHANNEL_MAX + 1];
};

void
upgrade_give(struct upgrade *u, enum handover_kind kind, int fd, const char *about, bool mine)
{
	bequest_add(&u->bequest, kind, fd, about, mine);
}

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
	if (u->channel >= 0)
		(void)close(u->channel);
	if (u->errors >= 0)
		(void)close(u->errors);
	u->channel = u->errors = -1;
	(void)event_del(u->clock);
	bequest_drop(&u->bequest);
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

static void read_errors(struct upgrade *);

static void
fail(struct upgrade *u, const char *what)
{
	if (u->errors >= 0)
		read_errors(u);
	(void)snprintf(u->why, sizeof u->why, "%s%s%s", what, u->said[0] != '\0' ? ": " : "",
		       u->said);
	log_event(LOG_ERROR, "not upgraded; this process goes on", "why=%s", log_quoted(u->why));
	if (u->pid > 0)
		(void)kill(u->pid, SIGKILL); /* its workers end with it */
	close_all(u);
	u->pid = 0;
	u->state = UPGRADE_NONE;
	answer(u, NULL, u->why);
}

static struct json_object *
good_news(const struct upgrade *u)
{
	struct json_object *o = json_object_new_object();

	if (o == NULL)
		return NULL;
	status_add_text(o, "done", "upgraded");
	status_add_number(o, "pid", (uint64_t)u->pid);
	return o;
}

static void
succeed(struct upgrade *u, struct span taken)
{
	(void)snprintf(u->taken, sizeof u->taken, " %.*s", SPAN_ARG(taken));
	u->state = UPGRADE_OVER;
	u->why[0] = '\0';
	(void)event_del(u->clock);
	bequest_drop(&u->bequest);
	log_event(LOG_INFO, "upgraded; this process ends when its workers are done", "to_pid=%d",
		  (int)u->pid);
	u->ops->handed_over(u->ctx);
	notify_main_pid(u->pid);
	if (channel_send(u->channel, CHANNEL_GO, span_of(NULL, 0)) < 0)
		log_errno(LOG_ERROR, "cannot tell the successor to go ahead", NULL);
	answer(u, good_news(u), "upgraded; out of memory to say more");
	proctitle_set("former master");
	if (upgrade_took(u, HANDOVER_LISTEN))
		supervisor_yield(u->env.supervisor);
	else
		supervisor_stop_workers(u->env.supervisor);
}

/* ---- what the successor says ---- */

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	enum channel_tag tag;
	struct span body;

	(void)what;
	while (u->on_channel != NULL) {
		switch (channel_receive(fd, u->space, &tag, &body)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_ENDED: (void)event_del(u->on_channel); return; /* SIGCHLD follows */
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_READY && u->state == UPGRADE_STARTING)
			succeed(u, body);
		else if (tag == CHANNEL_DATA)
			u->ops->on_data(body, u->ctx);
	}
}

/* Each line to the log, and the last one kept. */
static void
hear(struct upgrade *u, char *text)
{
	char *save;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		log_event(LOG_WARN, "the successor says", "what=%s", log_quoted(line));
		(void)snprintf(u->said, sizeof u->said, "%s", line);
	}
}

static void
read_errors(struct upgrade *u)
{
	char text[4096];
	ssize_t n;

	while ((n = read(u->errors, text, sizeof text - 1)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		text[n] = '\0';
		hear(u, text);
	}
	if (n == 0 && u->on_errors != NULL)
		(void)event_del(u->on_errors);
}

static void
on_errors(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_errors(arg);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, "the successor was not ready in time");
}

void
upgrade_child_ended(struct upgrade *u, pid_t pid, int status)
{
	char what[64];

	if (pid != u->pid)
		return;
	(void)snprintf(what, sizeof what, "the successor ended with %s %d",
		       WIFSIGNALED(status) ? "signal" : "code",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	u->pid = 0;
	if (u->state == UPGRADE_STARTING)
		fail(u, what);
	else /* in charge it may be told to stop, or be upgraded itself, before this one is done */
		log_event(status == 0 ? LOG_INFO : LOG_ERROR, what, NULL);
}

/* ---- starting it ---- */

/* The successor's ends in theirs.  0, or -1 with errno. */
static int
open_lines(struct upgrade *u, int theirs[2])
{
	int channel[2], errors[2];

	if (channel_pair(channel) < 0)
		return -1;
	if (pipe2(errors, O_CLOEXEC) < 0) {
		(void)close(channel[0]);
		(void)close(channel[1]);
		return -1;
	}
	u->channel = channel[0];
	u->errors = errors[0];
	theirs[0] = channel[1];
	theirs[1] = errors[1];
	u->on_channel = event_new(u->env.base, u->channel, EV_READ | EV_PERSIST, on_channel, u);
	u->on_errors = event_new(u->env.base, u->errors, EV_READ | EV_PERSIST, on_errors, u);
	if (fcntl(u->errors, F_SETFL, O_NONBLOCK) == 0 && u->on_channel != NULL &&
	    u->on_errors != NULL && event_add(u->on_channel, NULL) == 0 &&
	    event_add(u->on_errors, NULL) == 0)
		return 0;
	(void)close(theirs[0]);
	(void)close(theirs[1]);
	errno = ENOMEM;
	return -1;
}

static int
start(struct upgrade *u)
{
	struct timeval tv = clock_timeval(*u->env.timeout);
	int theirs[2], own_stderr;

	if (open_lines(u, theirs) < 0)
		return -1;
	upgrade_give(u, HANDOVER_CHANNEL, theirs[0], u->env.name, true);
	upgrade_give(u, HANDOVER_ERRORS, theirs[1], "-", true);
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (own_stderr < 0)
		return -1;
	upgrade_give(u, HANDOVER_STDERR, own_stderr, "-", true);
	if (u->ops->gather(u, u->ctx) < 0 || event_add(u->clock, &tv) < 0)
		return -1;
	u->pid = bequest_execute(&u->bequest, u->env.command);
	if (u->pid > 0)
		return 0;
	u->pid = 0;
	return -1;
}

/* NULL, or why not. */
static const char *
why_not(const struct upgrade *u)
{
	struct supervisor_view v;

	supervisor_look(u->env.supervisor, &v);
	if (u->state == UPGRADE_OVER)
		return "this process has handed over already";
	if (u->state == UPGRADE_STARTING)
		return "an upgrade is under way";
	if (reload_busy(u->env.reload))
		return "not now: it reloads";
	if (supervisor_stopping(u->env.supervisor) || strcmp(v.state, "starting") == 0)
		return "not now: it starts or stops";
	return NULL;
}

static void
begin(struct upgrade *u)
{
	u->said[0] = u->taken[0] = '\0';
	u->state = UPGRADE_STARTING;
	log_event(LOG_INFO, "upgrading", "binary=%s", log_quoted(u->env.command->binary));
	if (start(u) < 0) {
		fail(u, strerror(errno));
		return;
	}
	bequest_close(&u->bequest);
}

/* From the loop: whoever asks is answered by what comes of it. */
static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	const char *why = why_not(u);

	(void)fd;
	(void)what;
	if (why == NULL)
		begin(u);
	else
		answer(u, NULL, why);
}

void
upgrade_request(struct upgrade *u)
{
	const char *why = why_not(u);

	if (why == NULL)
		event_active(u->kick, EV_TIMEOUT, 0);
	else
		log_event(LOG_WARN, "no upgrade", "why=%s", log_quoted(why));
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

	*error = u->asker != NULL ? "an upgrade is under way" : why_not(u);
	if (*error != NULL)
		return NULL;
	u->asker = control_defer(call, asker_gone, u);
	if (u->asker == NULL)
		*error = "out of memory";
	else
		event_active(u->kick, EV_TIMEOUT, 0);
	return NULL;
}

const struct control_verb upgrade_verbs[] = {
	{.name = "upgrade", .changes = true, .run = run_upgrade},
	{.name = NULL},
};

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
	u->channel = u->errors = -1;
	u->clock = event_new(env->base, -1, 0, on_clock, u);
	u->kick = event_new(env->base, -1, 0, on_kick, u);
	if (u->clock != NULL && u->kick != NULL)
		return u;
	upgrade_free(u);
	return NULL;
}

void
upgrade_free(struct upgrade *u)
{
	if (u == NULL)
		return;
	if (u->clock != NULL) {
		close_all(u);
		event_free(u->clock);
	}
	if (u->kick != NULL)
		event_free(u->kick);
	free(u);
}

bool
upgrade_took(const struct upgrade *u, enum handover_kind kind)
{
	char word[32];

	(void)snprintf(word, sizeof word, " %s ", handover_kind_text(kind));
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
upgrade_tell(struct upgrade *u, struct span message)
{
	if (u->channel >= 0)
		return channel_send(u->channel, CHANNEL_DATA, message);
	errno = ESRCH;
	return -1;
}

void
upgrade_add_status(const struct upgrade *u, struct json_object *o)
{
	if (u->why[0] != '\0')
		status_add_text(o, "upgrade_error", u->why);
}
