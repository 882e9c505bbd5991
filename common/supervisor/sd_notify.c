/* sd_notify.c - see sd_notify.h. */
#include "sd_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { STATUS_MAX = 256, STATE_MAX = 64 };

/* What the manager waits for: of each the last one is sent, late rather than never. */
enum state { RELOADING, READY, MAIN_PID, STATES };

/* Of this process: there is one manager at most. */
static struct {
	struct sockaddr_un where;
	socklen_t where_n; /* 0: nobody wants to know */
	int fd;
	uint64_t watchdog; /* ms */
	uint64_t next;	   /* ms: when to say that we are alive */
	bool complained;
	bool keep_main;
	bool closing;		 /* when nothing is due any more */
	char status[STATUS_MAX]; /* the last one told */
	enum state due[STATES];	 /* could not be sent yet, in their order */
	unsigned due_n;
	char text[STATES][STATE_MAX];
} self = {.fd = -1};

static void
forget(void)
{
	if (self.fd >= 0)
		(void)close(self.fd);
	memset(&self, 0, sizeof self);
	self.fd = -1;
}

static int
find_socket(const char *name)
{
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof self.where.sun_path)
		return -1;
	self.where.sun_family = AF_UNIX;
	memcpy(self.where.sun_path, name, n);
	if (name[0] == '@')
		self.where.sun_path[0] = '\0';
	self.where_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	self.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return self.fd < 0 ? -1 : 0;
}

/* A decimal number of the environment, 0 where there is none. */
static uint64_t
environment_number(const char *name)
{
	const char *text = getenv(name);
	unsigned long long v;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' ? 0 : v;
}

void
sd_notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	uint64_t meant_for = environment_number("WATCHDOG_PID");
	int saved = errno;

	forget();
	if (name == NULL)
		return;
	if (find_socket(name) < 0) {
		log_event(LOG_WARN, "the service manager cannot be told anything",
			  "NOTIFY_SOCKET=%s", log_quoted(name));
		forget();
	} else if (meant_for == 0 || meant_for == (uint64_t)getpid()) {
		self.watchdog = environment_number("WATCHDOG_USEC") / 1000;
	}
	errno = saved;
}

void
sd_notify_close(void)
{
	self.closing = true;
	if (self.due_n == 0)
		forget();
}

void
sd_notify_keep_main(void)
{
	self.keep_main = true;
}

bool
sd_notify_is_on(void)
{
	return self.where_n > 0 && !self.closing;
}

uint64_t
sd_notify_watchdog(void)
{
	return self.watchdog;
}

/* Never waits.  0, or what was in the way: EAGAIN where the manager has no room for it. */
static int
tell(const char *text)
{
	int saved = errno, error;
	ssize_t n;

	do
		n = sendto(self.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
			   (const struct sockaddr *)&self.where, self.where_n);
	while (n < 0 && errno == EINTR);
	if (n < 0 && !self.complained)
		log_errno(LOG_WARN, "the service manager does not listen", NULL);
	self.complained = n < 0;
	error = n < 0 ? errno : 0;
	errno = saved;
	return error;
}

static bool
is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

static void
no_longer_due(enum state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < self.due_n; i++)
		if (self.due[i] != state)
			self.due[n++] = self.due[i];
	self.due_n = n;
}

/* In their order: READY=1 ends what RELOADING=1 began. */
static void
tell_due(void)
{
	while (self.due_n > 0 && !is_full(tell(self.text[self.due[0]])))
		no_longer_due(self.due[0]);
	if (self.closing && self.due_n == 0)
		forget();
}

/* self.text[state] is new. */
static void
tell_state(enum state state)
{
	if (!sd_notify_is_on())
		return;
	no_longer_due(state);
	self.due[self.due_n++] = state;
	tell_due();
}

void
sd_notify_ready(void)
{
	char *text = self.text[READY];

	(void)snprintf(text, STATE_MAX, "READY=1\nMAINPID=%d", (int)getpid());
	if (self.keep_main)
		(void)snprintf(text, STATE_MAX, "READY=1");
	tell_state(READY);
}

void
sd_notify_reloading(void)
{
	(void)snprintf(self.text[RELOADING], STATE_MAX, "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)clock_us());
	tell_state(RELOADING);
}

void
sd_notify_stopping(void)
{
	if (sd_notify_is_on())
		(void)tell("STOPPING=1");
}

void
sd_notify_main_pid(pid_t pid)
{
	(void)snprintf(self.text[MAIN_PID], STATE_MAX, "MAINPID=%d", (int)pid);
	tell_state(MAIN_PID);
}

void
sd_notify_status(const char *status)
{
	char text[STATUS_MAX + 8];

	if (!sd_notify_is_on() || strncmp(status, self.status, STATUS_MAX - 1) == 0)
		return;
	(void)snprintf(self.status, sizeof self.status, "%s", status);
	(void)snprintf(text, sizeof text, "STATUS=%s", self.status);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	if (is_full(tell(text)))
		self.status[0] = '\0'; /* the next turn tells it */
}

void
sd_notify_turn(const struct sd_notify_view *v, uint64_t now)
{
	bool degraded = v->trouble != NULL && strcmp(v->state, "running") == 0;
	char text[STATUS_MAX];

	tell_due();
	if (!sd_notify_is_on())
		return;
	(void)snprintf(text, sizeof text, "%s: %u of %u workers ready%s%s%s",
		       degraded ? "degraded" : v->state, v->ready, v->wanted,
		       v->all_hang ? ", all of them hang" : "", degraded ? "; " : "",
		       degraded ? v->trouble : "");
	sd_notify_status(text);
	if (self.watchdog == 0 || v->all_hang || now < self.next)
		return;
	if (!is_full(tell("WATCHDOG=1")))
		self.next = now + self.watchdog / 2;
}

void
sd_notify_pass_on(void)
{
	(void)unsetenv("WATCHDOG_PID");
}

void
sd_notify_after_fork(void)
{
	forget();
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}
