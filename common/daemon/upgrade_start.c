/* upgrade_start.c - starts the successor: its channel and stderr, the processes that it has to know
 * of, the exec; see upgrade_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "process.h"
#include "reaper.h"
#include "sd_notify.h"
#include "upgrade_internal.h"

void
upgrade_give(struct upgrade *u, enum takeover_kind kind, int fd, const char *about, bool mine)
{
	takeover_env_add(&u->bequest, kind, fd, about, mine);
}

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
	u->on_channel = event_new(u->env.base, u->channel, EV_READ | EV_PERSIST, upgrade_on_channel,
				  u);
	u->on_errors = event_new(u->env.base, u->errors, EV_READ | EV_PERSIST, upgrade_on_stderr,
				 u);
	u->outbox = channel_queue_new(u->env.base, u->channel, "successor");
	if (u->outbox != NULL && fcntl(u->errors, F_SETFL, O_NONBLOCK) == 0 &&
	    channel_identify(u->channel) == 0 && u->on_channel != NULL && u->on_errors != NULL &&
	    event_add(u->on_channel, NULL) == 0 && event_add(u->on_errors, NULL) == 0)
		return 0;
	(void)close(theirs[0]);
	(void)close(theirs[1]);
	errno = ENOMEM;
	return -1;
}

/* Can nobody be told that another process is in charge? */
static bool
nobody_can_be_told(const struct upgrade *u)
{
	return getpid() == 1 || (!u->env.detached && !sd_notify_is_on());
}

/* How the successor learns of this process's end, and of the one with the pid under which the
 * daemon was started: that may be this one. */
static int
give_processes(struct upgrade *u)
{
	pid_t parent = getpid();
	int line = takeover_parent(&parent), former = pidfd_of(getpid());
	char about[16];

	u->stays = line < 0 && nobody_can_be_told(u);
	(void)snprintf(about, sizeof about, "%d", (int)getpid());
	if (former < 0)
		return -1;
	upgrade_give(u, TAKEOVER_FORMER, former, about, true);
	if (u->stays && (line = reaper_prepare()) < 0)
		return -1;
	(void)snprintf(about, sizeof about, "%d", (int)(u->stays ? getpid() : parent));
	if (line >= 0)
		upgrade_give(u, TAKEOVER_PARENT, line, about, u->stays);
	return 0;
}

int
upgrade_start(struct upgrade *u)
{
	struct timeval tv = clock_timeval(u->ops->timeout(u->ctx));
	int theirs[2], own_stderr;

	if (open_lines(u, theirs) < 0)
		return -1;
	upgrade_give(u, TAKEOVER_CHANNEL, theirs[0], u->env.name, true);
	upgrade_give(u, TAKEOVER_ERRORS, theirs[1], "-", true);
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (own_stderr < 0)
		return -1;
	upgrade_give(u, TAKEOVER_STDERR, own_stderr, "-", true);
	if (give_processes(u) < 0 || u->ops->gather(u, u->ctx) < 0 || event_add(u->clock, &tv) < 0)
		return -1;
	return takeover_env_execute(&u->bequest, u->env.command, &u->fork);
}
