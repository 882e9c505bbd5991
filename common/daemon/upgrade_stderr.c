/* upgrade_stderr.c - what a successor says on stderr until it is in charge: logged, and the last
 * line kept for the reason why it did not start; see upgrade_internal.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "upgrade_internal.h"

enum {
	HEARD_MAX = 20,	  /* lines of a successor's that are logged */
	READS_A_WAKE = 16 /* of what it says */
};

/* A line of it to the log, and kept as the last one.  What is more than a few lines is counted. */
void
upgrade_hear_line(struct upgrade *u)
{
	struct upgrade_heard *h = &u->heard;

	h->line[h->n] = '\0';
	if (h->n > 0 && h->lines++ < HEARD_MAX)
		log_event(LOG_WARN, "the successor says", "what=%s", log_quoted(h->line));
	if (h->n > 0)
		memcpy(u->said, h->line, h->n + 1);
	h->n = 0;
}

/* A line may come in pieces; what is too long is cut. */
static void
hear(struct upgrade *u, const char *text, size_t n)
{
	struct upgrade_heard *h = &u->heard;

	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			upgrade_hear_line(u);
		else if (h->n < sizeof h->line - 1)
			h->line[h->n++] = text[i];
}

void
upgrade_hear_end(struct upgrade *u)
{
	struct upgrade_heard *h = &u->heard;

	upgrade_hear_line(u);
	if (h->lines > HEARD_MAX)
		log_event(LOG_WARN, "the successor said more", "suppressed=%lu",
			  h->lines - HEARD_MAX);
	h->lines = 0;
}

/* At most so much a turn of the loop, which has more to do. */
void
upgrade_read_stderr(struct upgrade *u)
{
	char text[4096];
	ssize_t n = 0;

	for (int i = 0; i < READS_A_WAKE; i++) {
		do
			n = read(u->errors, text, sizeof text);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			break;
		hear(u, text, (size_t)n);
	}
	if (n == 0 && u->on_errors != NULL)
		(void)event_del(u->on_errors);
}

void
upgrade_on_stderr(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	upgrade_read_stderr(arg);
}
