/* command_ask.h - asks a daemon one question of a command and shows the answer: for what runs one.
 */
#ifndef POLICYPOOL_COMMAND_ASK_H
#define POLICYPOOL_COMMAND_ASK_H

#include "command.h"

/* One question, one answer, for which so many seconds are waited; the exit status. */
int command_ask(const struct command *, const struct target *, const struct view *,
		char *const args[], unsigned seconds);

/* More than so many?  Says so. */
bool command_too_many(const struct command *, char *const args[], size_t most);

/* What to tell of a refusal: of a command that this daemon does not know, which program has it. */
const char *command_refusal(const struct command *, const char *why);

#endif
