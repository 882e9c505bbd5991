/* progress.h - a progress bar on a terminal, for what takes longer than a second. */
#ifndef POLICYPOOL_PROGRESS_H
#define POLICYPOOL_PROGRESS_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct progress;

/* What it ends with, one at least: so many done, so many milliseconds; 0: no end of that kind. */
struct progress_goal {
	uint64_t total, limit_ms;
};

/* Draws on the terminal fd, at most 10 times a second, how far *done, or the time, has come.  NULL
 * on ENOMEM.  Release: progress_free(). */
struct progress *progress_new(struct event_base *, int fd, const struct progress_goal *,
			      const uint64_t *done);

/* Erases the bar.  NULL is fine. */
void progress_free(struct progress *);

enum { PROGRESS_LINE = 256 }; /* bytes, terminator included */

/* The line itself: at most width columns, ASCII, no control character.  Returns out. */
char *progress_line(char out[PROGRESS_LINE], size_t width, const struct progress_goal *,
		    uint64_t done, uint64_t elapsed_ms);

#endif
