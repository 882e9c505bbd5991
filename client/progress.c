/* progress.c - see progress.h. */
#include "progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"

enum {
	PATIENCE = 1000, /* ms before anything is drawn */
	PERIOD = 100,	 /* ms between drawings */
	WIDTH = 80,	 /* of a terminal that does not say */
	BAR_MIN = 10,
	BAR_MAX = 60 /* columns between the brackets */
};

struct progress {
	struct event *timer;
	int fd;
	struct progress_goal goal;
	const uint64_t *done;
	uint64_t began; /* clock_ms() */
	bool drawn;
};

/* ---- the line ---- */

/* "3s", "2m05s", "1h02m", "-" for what can't be told. */
static void
put_time(char *out, size_t size, bool known, uint64_t s)
{
	if (!known || s > (uint64_t)1000 * 3600)
		(void)snprintf(out, size, "-");
	else if (s < 60)
		(void)snprintf(out, size, "%us", (unsigned)s);
	else if (s < 3600)
		(void)snprintf(out, size, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		(void)snprintf(out, size, "%uh%02um", (unsigned)(s / 3600),
			       (unsigned)(s / 60 % 60));
}

/* How much of the whole that is, from 0 to 1. */
static double
part(uint64_t n, uint64_t whole)
{
	return whole == 0 ? 0 : n >= whole ? 1 : (double)n / (double)whole;
}

/* Whichever of the two ends is nearer. */
static double
share_of(const struct progress_goal *goal, uint64_t done, uint64_t elapsed_ms)
{
	double by_count = part(done, goal->total), by_time = part(elapsed_ms, goal->limit_ms);

	return by_count > by_time ? by_count : by_time;
}

/* The time that is left at this pace, and at most that of the limit; false: nobody knows. */
static bool
time_left(const struct progress_goal *goal, uint64_t done, uint64_t elapsed_ms, uint64_t *s)
{
	double left = goal->limit_ms > elapsed_ms ? (double)(goal->limit_ms - elapsed_ms) : 0;
	bool known = goal->limit_ms > 0;

	if (goal->total > 0 && done > 0 && elapsed_ms > 0) {
		double paced = (double)(goal->total - done) * (double)elapsed_ms / (double)done;
		left = known && left < paced ? left : paced;
		known = true;
	}
	*s = (uint64_t)(left / 1e3 + 0.5);
	return known;
}

static void
put_figures(char *out, size_t size, const struct progress_goal *goal, uint64_t done,
	    uint64_t elapsed_ms)
{
	double rate = elapsed_ms > 0 ? (double)done * 1e3 / (double)elapsed_ms : 0;
	char left[24], of[24] = "";
	uint64_t s;
	bool known = time_left(goal, done, elapsed_ms, &s);

	put_time(left, sizeof left, known, s);
	if (goal->total > 0)
		(void)snprintf(of, sizeof of, "/%" PRIu64, goal->total);
	(void)snprintf(out, size, " %3u%% %" PRIu64 "%s %.0f/s %s left",
		       (unsigned)(100 * share_of(goal, done, elapsed_ms)), done, of, rate, left);
}

char *
progress_line(char out[PROGRESS_LINE], size_t width, const struct progress_goal *goal,
	      uint64_t done, uint64_t elapsed_ms)
{
	char figures[128];
	size_t bar, full;

	assert((goal->total > 0 || goal->limit_ms > 0) &&
	       (goal->total == 0 || done <= goal->total));
	put_figures(figures, sizeof figures, goal, done, elapsed_ms);
	if (width > PROGRESS_LINE - 1)
		width = PROGRESS_LINE - 1;
	if (width < strlen(figures) + 2 + BAR_MIN) { /* no room for a bar */
		(void)snprintf(out, width + 1, "%s", figures + 1);
		return out;
	}
	bar = width - strlen(figures) - 2;
	if (bar > BAR_MAX)
		bar = BAR_MAX;
	full = (size_t)((double)bar * share_of(goal, done, elapsed_ms));
	out[0] = '[';
	memset(out + 1, '=', full);
	memset(out + 1 + full, ' ', bar - full);
	(void)snprintf(out + 1 + bar, PROGRESS_LINE - 1 - bar, "]%s", figures);
	return out;
}

/* ---- the terminal ---- */

static size_t
terminal_width(int fd)
{
	struct winsize w;

	return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : WIDTH;
}

/* A terminal that does not take it misses a drawing. */
static void
put(int fd, const char *text)
{
	ssize_t n = write(fd, text, strlen(text));

	(void)n;
}

static void
draw(evutil_socket_t fd, short what, void *arg)
{
	struct progress *p = arg;
	char line[PROGRESS_LINE], text[PROGRESS_LINE + 8];
	struct timeval period = clock_timeval(PERIOD);

	(void)fd;
	(void)what;
	/* The last column stays free: some terminals would start a new line. */
	(void)snprintf(text, sizeof text, "\r%s\033[K",
		       progress_line(line, terminal_width(p->fd) - 1, &p->goal, *p->done,
				     clock_ms() - p->began));
	put(p->fd, text);
	p->drawn = true;
	(void)event_add(p->timer, &period); /* failing, the bar stands still */
}

struct progress *
progress_new(struct event_base *base, int fd, const struct progress_goal *goal,
	     const uint64_t *done)
{
	struct progress *p = calloc(1, sizeof *p);
	struct timeval patience = clock_timeval(PATIENCE);

	if (p == NULL)
		return NULL;
	*p = (struct progress){.fd = fd, .goal = *goal, .done = done, .began = clock_ms()};
	p->timer = event_new(base, -1, 0, draw, p);
	if (p->timer == NULL || event_add(p->timer, &patience) < 0) {
		progress_free(p);
		return NULL;
	}
	return p;
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->drawn)
		put(p->fd, "\r\033[K");
	free(p);
}
