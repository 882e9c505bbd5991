/* proctitle.h - what ps(1) shows of a process: "ppool-server: worker 3". */
#ifndef POLICYPOOL_PROCTITLE_H
#define POLICYPOOL_PROCTITLE_H

#include "compiler.h"

/* Once, at the beginning of main.  program is borrowed for good.  The title lives where the
 * arguments and the environment stood: they can't be read from argv after the first
 * proctitle_set(), so load the settings before; the environment is moved elsewhere first. */
void proctitle_init(int argc, char *argv[], const char *program);

/* PROGRAM: TEXT, cut at the room that they left.  Nothing without proctitle_init(). */
void proctitle_set(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
