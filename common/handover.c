/* handover.c - see handover.h. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"
#include "net.h"

struct item {
	enum handover_kind kind;
	int fd; /* -1: taken */
	const char *about;
};

/* Of this process: it has one predecessor at most. */
static struct {
	char *text; /* the variable's; the items borrow from it */
	struct item item[HANDOVER_MOST];
	unsigned n;
	bool on;
	int channel;
	bool went; /* GO was told */
	char taken[64];
	struct event *readable;
	const struct handover_ops *ops;
	void *ctx;
	char space[CHANNEL_MAX + 1];
} heir = {.channel = -1};

#define KIND_TEXT(name, text) text,
static const char *const kind_text[] = {HANDOVER_KINDS(KIND_TEXT)};

const char *
handover_kind_text(enum handover_kind kind)
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
	for (unsigned i = 0; i < HANDOVER_KIND_COUNT; i++) {
		if (strcmp(kind, kind_text[i]) != 0 || heir.n == HANDOVER_MOST)
			continue;
		heir.item[heir.n++] = (struct item){(enum handover_kind)i, (int)fd, about};
		return 0;
	}
	(void)close((int)fd);
	return 0;
}

static int
read_items(void)
{
	char *save, *line = strtok_r(heir.text, "\n", &save);

	if (line == NULL || strtol(line, NULL, 10) != HANDOVER_VERSION)
		return -1;
	while ((line = strtok_r(NULL, "\n", &save)) != NULL)
		if (read_item(line) < 0)
			return -1;
	heir.channel = handover_take(HANDOVER_CHANNEL, NULL);
	return heir.channel < 0 ? -1 : 0;
}

static const struct item *
find(enum handover_kind kind)
{
	for (unsigned i = 0; i < heir.n; i++)
		if (heir.item[i].kind == kind)
			return &heir.item[i];
	return NULL;
}

int
handover_open(void)
{
	const char *text = getenv(HANDOVER_VARIABLE);

	if (text == NULL)
		return 0;
	heir.text = strdup(text);
	(void)unsetenv(HANDOVER_VARIABLE);
	if (heir.text == NULL || read_items() < 0) {
		(void)fprintf(stderr, "what is handed over cannot be understood here\n");
		return -1;
	}
	heir.on = true;
	return 0;
}

void
handover_settings_read(void)
{
	int errors, own;

	if (!heir.on)
		return;
	own = handover_take(HANDOVER_STDERR, NULL);
	if (own >= 0) {
		(void)dup2(own, STDERR_FILENO);
		(void)close(own);
	}
	errors = handover_take(HANDOVER_ERRORS, NULL);
	if (errors >= 0)
		log_tell_too(errors);
}

/* ---- taking ---- */

bool
handover_is_on(void)
{
	return heir.on;
}

static int
take(struct item *i)
{
	int fd = i->fd;
	size_t n = strlen(heir.taken);

	i->fd = -1;
	(void)snprintf(heir.taken + n, sizeof heir.taken - n, "%s ", kind_text[i->kind]);
	return fd;
}

int
handover_take(enum handover_kind kind, const char *about)
{
	for (unsigned i = 0; i < heir.n; i++)
		if (heir.item[i].kind == kind && heir.item[i].fd >= 0 &&
		    (about == NULL || strcmp(heir.item[i].about, about) == 0))
			return take(&heir.item[i]);
	return -1;
}

int
handover_listener(const struct addr *wanted)
{
	struct addr at;

	for (unsigned i = 0; i < heir.n; i++) {
		if (heir.item[i].kind != HANDOVER_LISTEN || heir.item[i].fd < 0 ||
		    net_local(heir.item[i].fd, &at) < 0)
			continue;
		if (addr_port(wanted) == 0)
			addr_set_port(&at, 0);
		if (addr_eq(&at, wanted))
			return take(&heir.item[i]);
	}
	return -1;
}

bool
handover_is_of(const char *name)
{
	const struct item *channel = find(HANDOVER_CHANNEL);

	return channel == NULL || strcmp(channel->about, name) == 0;
}

static void
close_leftovers(void)
{
	for (unsigned i = 0; i < heir.n; i++) {
		if (heir.item[i].fd < 0)
			continue;
		log_event(LOG_INFO, "what was handed over is not used", "kind=%s about=%s",
			  kind_text[heir.item[i].kind], log_quoted(heir.item[i].about));
		(void)close(heir.item[i].fd);
		heir.item[i].fd = -1;
	}
}

/* ---- the channel ---- */

static void
go(void)
{
	if (heir.went)
		return;
	heir.went = true;
	log_tell_too(-1);
	heir.ops->on_go(heir.ctx);
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	enum channel_tag tag;
	struct span body;

	(void)what;
	(void)arg;
	for (;;) {
		switch (channel_receive(fd, heir.space, &tag, &body)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_ENDED:
			handover_close();
			go();
			return;
		case CHANNEL_MESSAGE: break;
		}
		if (tag == CHANNEL_GO)
			go();
		else if (tag == CHANNEL_DATA)
			heir.ops->on_data(body, heir.ctx);
	}
}

int
handover_begin(struct event_base *base, const struct handover_ops *ops, void *ctx)
{
	if (!heir.on)
		return 0;
	close_leftovers();
	heir.ops = ops;
	heir.ctx = ctx;
	heir.readable = event_new(base, heir.channel, EV_READ | EV_PERSIST, on_channel, NULL);
	if (heir.readable != NULL && event_add(heir.readable, NULL) == 0)
		return 0;
	errno = ENOMEM;
	return -1;
}

int
handover_ready(void)
{
	if (heir.channel < 0) { /* the predecessor has gone meanwhile */
		go();
		return 0;
	}
	return channel_send(heir.channel, CHANNEL_READY, span_str(heir.taken));
}

int
handover_tell(struct span message)
{
	if (heir.channel >= 0)
		return channel_send(heir.channel, CHANNEL_DATA, message);
	errno = ESRCH;
	return -1;
}

void
handover_close(void)
{
	if (heir.readable != NULL)
		event_free(heir.readable);
	heir.readable = NULL;
	if (heir.channel >= 0)
		(void)close(heir.channel);
	heir.channel = -1;
	free(heir.text);
	heir.text = NULL;
	heir.n = 0;
}
