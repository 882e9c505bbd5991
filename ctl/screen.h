/* screen.h - a terminal that shows one page, redrawn in place, and reads keys.
 *
 * What the terminal was like before is put back by screen_close(), also by way of a signal that
 * ends the program: INT, TERM and HUP end screen_wait() instead. */
#ifndef POLICYPOOL_SCREEN_H
#define POLICYPOOL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

/* A key: a character of ASCII, or one of these. */
enum screen_key {
	SCREEN_NONE, /* the time is over, or the terminal has another size */
	SCREEN_END,  /* a signal, or the terminal is gone */
	SCREEN_UP = 256,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_FIRST, /* Home */
	SCREEN_LAST,  /* End */
	SCREEN_OTHER  /* known to nobody */
};

/* False when standard output is no terminal: nothing is done then. */
bool screen_open(void);
void screen_close(void);

void screen_size(unsigned *columns, unsigned *lines);

/* The page as lines, cut to the terminal's width and height. */
void screen_draw(const char *text);

/* Waits so long for the next key. */
int screen_wait(unsigned ms);

/* The first key of what was typed, n bytes, at least one, and how many of them it takes. */
int screen_key_of(const char *typed, size_t n, size_t *taken);

/* The bytes of the line at text (without its newline) that take at most so many columns; sequences
 * of colours take none. */
size_t screen_cut(const char *text, size_t n, unsigned columns);

#endif
