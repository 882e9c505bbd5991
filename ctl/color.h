/* color.h - states in colour, where the terminal has some. */
#ifndef POLICYPOOL_COLOR_H
#define POLICYPOOL_COLOR_H

#include <stdbool.h>

#define COLOR_BOLD  "\033[1m"
#define COLOR_DIM   "\033[2m"
#define COLOR_PLAIN "\033[0m"

/* The sequence before a value of that member: for a state green where all is well,
 * red where nothing is served, yellow otherwise; empty for all else. */
const char *color_of(const char *key, const char *text);

/* By --color's word (auto, always, never; NULL: auto): auto is a terminal's, unless NO_COLOR is
 * set and not empty or TERM is dumb.  -1 for another word. */
int color_wanted(const char *word, bool terminal);

#endif
