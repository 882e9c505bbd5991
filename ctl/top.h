/* top.h - a proxy at work: what happens a second, by policy and server. */
#ifndef POLICYPOOL_TOP_H
#define POLICYPOOL_TOP_H

#include "view.h"

/* On a terminal a page drawn anew every pause_ms until q is pressed, or `shots` pages; elsewhere
 * shots (0: one) printed one after the other.  The exit status, everything told. */
int top_run(const char *path, const struct view *, unsigned shots, unsigned pause_ms);

#endif
