/* takeover.c - see takeover.h. */
#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "channel_queue.h"
#include "clock.h"
#include "log.h"
#include "net.h"
#include "process.h"

/* A process's channels close a moment before its pidfd tells that it has ended. */
enum { EVIDENCE_MS = 5000 };

struct item {
	enum takeover_kind kind;
	int fd; /* -1: taken */
	const char *about;
};

/* Of this process: it has one predecessor at most. */
static struct {
	char *text; /* the variable's; the items borrow from it */
	struct item item[TAKEOVER_MOST];
	unsigned n;
	bool on;
	int channel;
	bool ready, went; /* READY was told; GO was, or all is ours without it */
	int former;	  /* pidfd of the predecessor; -1: it gave none */
	pid_t predecessor_pid;
	bool predecessor_ended;
	int line; /* to the process with the pid that was started; -1: none */
	pid_t parent;
	bool ends;	  /* it does not take over */
	bool waits, late; /* for the predecessor's end; no longer */
	char taken[TAKEOVER_TAKEN];
	struct event *readable, *on_predecessor, *on_line, *clock;
	struct event_base *base;
	struct channel_queue *outbox; /* to the predecessor, from takeover_begin() on */
	const struct takeover_ops *ops;
	void *ctx;
	char space[CHANNEL_MAX + 1];
} successor = {.channel = -1, .former = -1, .line = -1};

#define KIND_TEXT(name, text) text,
static const char *const kind_text[] = {TAKEOVER_KINDS(KIND_TEXT)};

const char *
takeover_kind_text(enum takeover_kind kind)
{
	return kind_text[kind];
}

/* ---- reading the variable ---- */

/* "kind FD about".  What this version does not know is closed.  0, or -1. */
static int
read_item(char *line)
{
	char *kind = line, *number = strchr(line, ' '), *about, *end;
	long fd;

	if (number == NULL)
		return -1;
	*number++ = '\0';
	about = strchr(number, ' ');
	if (about == NULL)
		return -1;
	*about++ = '\0';
	errno = 0;
	fd = strtol(number, &end, 10);
	if (errno != 0 || *end != '\0' || fd <= STDERR_FILENO ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	for (unsigned i = 0; i < TAKEOVER_KIND_COUNT; i++) {
		if (strcmp(kind, kind_text[i]) != 0 || successor.n == TAKEOVER_MOST)
			continue;
		successor.item[successor.n++] = (struct item){(enum takeover_kind)i, (int)fd,
							      about};
		return 0;
	}
	(void)close((int)fd);
	return 0;
}

static const struct item *
find(enum takeover_kind kind)
{
	for (unsigned i = 0; i < successor.n; i++)
		if (successor.item[i].kind == kind)
			return &successor.item[i];
	return NULL;
}

/* An item about a process. */
static int
take_process(enum takeover_kind kind, pid_t *pid)
{
	const struct item *i = find(kind);

	*pid = i != NULL ? (pid_t)strtol(i->about, NULL, 10) : 0;
	return i != NULL ? takeover_take(kind, NULL) : -1;
}

static int
read_items(void)
{
	char *save, *line = strtok_r(successor.text, "\n", &save);

	if (line == NULL || strtol(line, NULL, 10) != TAKEOVER_VERSION)
		return -1;
	while ((line = strtok_r(NULL, "\n", &save)) != NULL)
		if (read_item(line) < 0)
			return -1;
	successor.channel = takeover_take(TAKEOVER_CHANNEL, NULL);
	successor.former = take_process(TAKEOVER_FORMER, &successor.predecessor_pid);
	successor.line = take_process(TAKEOVER_PARENT, &successor.parent);
	return successor.channel < 0 ? -1 : 0;
}

int
takeover_open(void)
{
	const char *text = getenv(TAKEOVER_VARIABLE);

	if (text == NULL)
		return 0;
	successor.text = strdup(text);
	(void)unsetenv(TAKEOVER_VARIABLE);
	if (successor.text == NULL || read_items() < 0) {
		(void)fprintf(stderr, "what is handed over cannot be understood here\n");
		return -1;
	}
	successor.on = true;
	return 0;
}

void
takeover_settings_read(void)
{
	int errors, own;

	if (!successor.on)
		return;
	own = takeover_take(TAKEOVER_STDERR, NULL);
	if (own >= 0) {
		(void)dup2(own, STDERR_FILENO);
		(void)close(own);
	}
	errors = takeover_take(TAKEOVER_ERRORS, NULL);
	if (errors >= 0)
		log_also_to(errors);
}

/* ---- taking ---- */

bool
takeover_is_on(void)
{
	return successor.on;
}

static int
take(struct item *i)
{
	int fd = i->fd;
	size_t n = strlen(successor.taken);

	i->fd = -1;
	(void)snprintf(successor.taken + n, sizeof successor.taken - n, "%s ", kind_text[i->kind]);
	return fd;
}

int
takeover_take(enum takeover_kind kind, const char *about)
{
	for (unsigned i = 0; i < successor.n; i++)
		if (successor.item[i].kind == kind && successor.item[i].fd >= 0 &&
		    (about == NULL || strcmp(successor.item[i].about, about) == 0))
			return take(&successor.item[i]);
	return -1;
}

int
takeover_listener(const struct addr *wanted)
{
	struct addr at;

	for (unsigned i = 0; i < successor.n; i++) {
		if (successor.item[i].kind != TAKEOVER_LISTEN || successor.item[i].fd < 0 ||
		    net_local(successor.item[i].fd, &at) < 0)
			continue;
		if (addr_port(wanted) == 0)
			addr_set_port(&at, 0);
		if (addr_eq(&at, wanted))
			return take(&successor.item[i]);
	}
	return -1;
}

int
takeover_unix_listener(const struct addr *wanted, bool *given)
{
	char about[ADDR_TEXT + sizeof TAKEOVER_GIVEN];
	size_t n = strlen(addr_text(wanted, about));
	int fd = takeover_take(TAKEOVER_LISTEN, about);

	*given = false;
	if (fd >= 0)
		return fd;
	(void)snprintf(about + n, sizeof about - n, "%s", TAKEOVER_GIVEN);
	*given = true;
	return takeover_take(TAKEOVER_LISTEN, about);
}

bool
takeover_is_of(const char *name)
{
	const struct item *channel = find(TAKEOVER_CHANNEL);

	return channel == NULL || strcmp(channel->about, name) == 0;
}

static void
close_leftovers(void)
{
	for (unsigned i = 0; i < successor.n; i++) {
		if (successor.item[i].fd < 0)
			continue;
		log_event(LOG_INFO, "inherited descriptor unused", "kind=%s about=%s",
			  kind_text[successor.item[i].kind], log_quoted(successor.item[i].about));
		(void)close(successor.item[i].fd);
		successor.item[i].fd = -1;
	}
}

/* ---- which process is in charge ---- */

static void
go(void)
{
	if (successor.went)
		return;
	successor.went = true;
	(void)event_del(successor.clock);
	log_also_to(-1);
	successor.ops->on_go(successor.ctx);
}

static const char cancelled[] = "the predecessor has ended the upgrade";

static void
give_up(const char *why)
{
	log_event(LOG_ERROR, "this process does not take over", "why=%s", log_quoted(why));
	successor.ends = true;
	successor.ops->on_end(false, successor.ctx);
}

/* The channel has ended without GO: only the predecessor's own end makes all ours. */
static void
decide(void)
{
	if (successor.went || successor.ends || successor.channel >= 0)
		return;
	if (successor.line >= 0 && successor.predecessor_ended)
		return; /* the daemon is over, which the line tells */
	if (successor.predecessor_ended && successor.ready)
		go();
	else if (successor.former < 0)
		give_up("the channel to the predecessor ended, and nothing tells whether it lives");
}

static void
close_channel(void)
{
	if (successor.readable != NULL)
		event_free(successor.readable);
	successor.readable = NULL;
	channel_queue_free(successor.outbox);
	successor.outbox = NULL;
	if (successor.channel >= 0)
		(void)close(successor.channel);
	successor.channel = -1;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = clock_timeval(EVIDENCE_MS);
	enum channel_tag tag;
	struct span body;

	(void)what;
	(void)arg;
	for (;;) {
		switch (channel_receive(fd, successor.space, &tag, &body)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_FAILED:
		case CHANNEL_ENDED:
			close_channel();
			if (!successor.went)
				(void)event_add(successor.clock, &tv);
			decide();
			return;
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_GO)
			go();
		else if (tag == CHANNEL_CANCEL && !successor.went && !successor.ends)
			give_up(cancelled);
		else if (tag == CHANNEL_DATA)
			successor.ops->on_data(body, successor.ctx);
	}
}

static void
on_predecessor(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	successor.predecessor_ended = true;
	(void)event_del(successor.on_predecessor);
	if (successor.channel >= 0)
		on_channel(successor.channel, EV_READ, NULL); /* what it said before */
	decide();
	if (successor.waits)
		(void)event_base_loopbreak(successor.base);
}

static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	successor.late = successor.waits;
	if (successor.waits)
		(void)event_base_loopbreak(successor.base);
	else if (!successor.went && !successor.ends &&
		 (!successor.predecessor_ended || successor.line >= 0))
		give_up(cancelled);
}

static void
on_line(evutil_socket_t fd, short what, void *arg)
{
	char byte;
	ssize_t n = recv(fd, &byte, sizeof byte, 0);

	(void)what;
	(void)arg;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	(void)event_del(successor.on_line);
	if (successor.went)
		log_event(LOG_ERROR, "the process that was started has gone; stopping",
			  "parent_pid=%d", (int)successor.parent);
	successor.ops->on_end(successor.went, successor.ctx);
}

/* 0 also where there is no such descriptor. */
static int
listen_to(struct event **ev, int fd, event_callback_fn fn)
{
	if (fd < 0)
		return 0;
	*ev = event_new(successor.base, fd, EV_READ | EV_PERSIST, fn, NULL);
	return *ev != NULL && event_add(*ev, NULL) == 0 ? 0 : -1;
}

int
takeover_begin(struct event_base *base, const struct takeover_ops *ops, void *ctx)
{
	if (!successor.on)
		return 0;
	close_leftovers();
	successor.base = base;
	successor.ops = ops;
	successor.ctx = ctx;
	successor.clock = event_new(base, -1, 0, on_clock, NULL);
	successor.outbox = channel_queue_new(base, successor.channel, "predecessor");
	if (successor.clock != NULL && successor.outbox != NULL &&
	    listen_to(&successor.readable, successor.channel, on_channel) == 0 &&
	    listen_to(&successor.on_predecessor, successor.former, on_predecessor) == 0 &&
	    listen_to(&successor.on_line, successor.line, on_line) == 0)
		return 0;
	errno = ENOMEM;
	return -1;
}

int
takeover_ready(void)
{
	successor.ready = true;
	if (successor.channel >= 0)
		return channel_queue_send(successor.outbox, CHANNEL_READY,
					  span_str(successor.taken), -1);
	decide(); /* the predecessor may have gone meanwhile */
	return 0;
}

int
takeover_send(struct span message)
{
	if (successor.channel >= 0)
		return channel_queue_send(successor.outbox, CHANNEL_DATA, message, -1);
	errno = ESRCH;
	return -1;
}

bool
takeover_is_pending(void)
{
	return successor.on && !successor.went;
}

int
takeover_parent(pid_t *parent)
{
	*parent = successor.parent;
	return successor.line;
}

/* Our parent waits for us. */
static bool
predecessor_lives(void)
{
	return successor.went && successor.on_predecessor != NULL && !successor.predecessor_ended &&
	       successor.predecessor_pid != successor.parent;
}

bool
takeover_predecessor_is_left(uint64_t ms)
{
	struct timeval tv = clock_timeval(ms);

	if (!predecessor_lives() || successor.late)
		return false;
	if (!successor.waits) {
		successor.waits = true;
		if (event_add(successor.clock, &tv) < 0)
			return false;
		log_event(LOG_INFO, "waiting for the predecessor", "predecessor_pid=%d",
			  (int)successor.predecessor_pid);
	}
	return true;
}

void
takeover_hurry_predecessor(void)
{
	if (predecessor_lives() && pidfd_signal(successor.former, SIGTERM) < 0 && errno != ESRCH)
		log_errno(LOG_WARN, "cannot signal the predecessor", "predecessor_pid=%d",
			  (int)successor.predecessor_pid);
}

static void
drop(struct event **ev, int *fd)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
	if (fd != NULL && *fd >= 0)
		(void)close(*fd);
	if (fd != NULL)
		*fd = -1;
}

void
takeover_close(void)
{
	close_channel();
	drop(&successor.on_predecessor, &successor.former);
	drop(&successor.on_line, &successor.line);
	drop(&successor.clock, NULL);
	free(successor.text);
	successor.text = NULL;
	successor.n = 0;
}
