/* handler_command.h - what a handler_command runs: a program, or the script of an interpreter.
 *
 * Interpreters are known by name (python3.11, perl, node, sh, env and others); the script is the
 * first word after them that is no option, no NAME=VALUE and no further interpreter. */
#ifndef POLICYPOOL_HANDLER_COMMAND_H
#define POLICYPOOL_HANDLER_COMMAND_H

#include <stdbool.h>

#include "conf.h"

/* The script, or else the program, of a list that is not empty.  Borrowed. */
const char *handler_command_runs(const struct conf_list *);

/* The script where it is given as a path; NULL: there is none.  *certain: the interpreter will open
 * that very file; otherwise the word may be what the option before it takes, or a name that is
 * completed.  Borrowed. */
const char *handler_command_script(const struct conf_list *, bool *certain);

#endif
