/* process_init.h - resets what a process inherits: the first call of every main().
 *
 *   standard streams   closed ones are /dev/null, or a socket would take their place
 *   dispositions       default, but signals that are not meant for this program and would end it
 *                      are ignored: SIGPIPE and SIGXFSZ (the write fails and is told), SIGALRM,
 *                      SIGIO, ..., and all real-time ones.  A command keeps SIGHUP, SIGINT and
 *                      SIGQUIT as nohup(1) or a shell's & has set them.
 *   mask               empty; a daemon holds back its orders (SIGHUP, SIGUSR1, ...) until its
 *                      handlers are there
 *   timers             off
 *   umask              a daemon's files are never writable by others: what is inherited, and 022
 *   limits             soft ones of file size and processor time are raised to the hard ones: to
 *                      reach them is no error that can be handled.  Others: net_raise_nofile(),
 *                      privdrop.h.
 *
 * Kept are niceness, working folder, environment and hard limits: they are set on purpose
 * (process_init_report()). */
#ifndef POLICYPOOL_PROCESS_INIT_H
#define POLICYPOOL_PROCESS_INIT_H

#include "compiler.h"

enum process_kind { PROCESS_COMMAND, PROCESS_DAEMON };

void process_init(enum process_kind);

/* /dev/null for each standard stream that is closed.  0, or -1 with errno. */
MUST_CHECK int process_fill_stdio(void);

/* Logs what was kept and may surprise. */
void process_init_report(void);

/* Before others can learn this process's pid: holds back SIGTERM, SIGINT and SIGQUIT too. */
void process_block_signals(void);
/* The handlers are there: what was held back comes now. */
void process_release_signals(void);

/* In a forked child, before another program is executed: as process_init() would like to find it.
 * Orders are ignored until that program has handlers, for its pid is that of a process that takes
 * them. */
void process_init_undo(void);

/* The last of a command's main(): status, or 1 with a line on stderr when what was printed could
 * not be written. */
MUST_CHECK int process_status(const char *program, int status);

#endif
