/* conf_value.h - one setting's value: parsed, judged, stored, printed.  Internal to conf.
 *
 * File, command line and defaults all come through here. */
#ifndef POLICYPOOL_CONF_VALUE_H
#define POLICYPOOL_CONF_VALUE_H

#include "conf.h"

enum { CONF_WHY = 256 };

/* Sets key's value in settings from n texts, one unless it is a LIST.  0, or -1 with the value as
 * it was and what is wrong in why. */
MUST_CHECK int conf_value_set(const struct conf_key *, void *settings, const char *const text[],
			      size_t n, char why[CONF_WHY]);

/* The same from one text; a LIST's items are parted by commas. */
MUST_CHECK int conf_value_set_text(const struct conf_key *, void *settings, const char *text,
				   char why[CONF_WHY]);
/* Of a LIST: behind those that it has; an empty text empties it. */
MUST_CHECK int conf_value_add_text(const struct conf_key *, void *settings, const char *text,
				   char why[CONF_WHY]);

/* Sets the fallback, which is fine or the table is wrong.  0, or -1 on ENOMEM. */
MUST_CHECK int conf_value_set_default(const struct conf_key *, void *settings);

/* To the value that it has in other settings.  0, or -1 on ENOMEM. */
MUST_CHECK int conf_value_copy(const struct conf_key *, void *settings, const void *from);

void conf_value_free(const struct conf_key *, void *settings);

/* In the file's notation, as conf_value_set() takes it back. */
void conf_value_print(const struct conf_key *, const void *settings, FILE *out);

/* A text, quoted, in the same notation. */
void conf_value_print_text(const char *text, FILE *out);

/* What stands for the value in a help text, "TIME"; empty for BOOL. */
const char *conf_value_stand_in(enum conf_type);

#endif
