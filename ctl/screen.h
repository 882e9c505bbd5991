/* screen.h - a terminal that shows one page, redrawn in place, and reads keys.
 *
 * What the terminal was like before is put back by screen_close(), also by way of a signal that
 * ends the program: INT, TERM and HUP end screen_wait() instead. */
#ifndef POLICYPOOL_SCREEN_H
#define POLICYPOOL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* False when standard output is no terminal: nothing is done then. */
bool screen_open(void);
void screen_close(void);

/* The page as lines, cut to the terminal's width and height. */
void screen_draw(const char *text);

/* Waits so long.  False when it is to end: by q, a signal, or the terminal's end. */
bool screen_wait(unsigned ms);

/* The bytes of the line at text (without its newline) that take at most so many columns. */
size_t screen_cut(const char *text, size_t n, unsigned columns);

#endif
