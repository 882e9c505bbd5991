/* conf_scalar.h - values of all types but TEXT and LIST: each passes through a uint64_t: parsed,
 * held against min and max, stored, printed.  For conf_value.c alone. */
#ifndef POLICYPOOL_CONF_SCALAR_H
#define POLICYPOOL_CONF_SCALAR_H

#include "conf_value.h"

enum { CONF_SHOWN = 64 };

/* As conf_value_set(), of one text. */
MUST_CHECK int conf_scalar_set(const struct conf_key *, void *settings, const char *text,
			       char why[CONF_WHY]);
bool conf_scalar_admits(const struct conf_key *, uint64_t v);
void conf_scalar_copy(const struct conf_key *, void *settings, const void *from);
void conf_scalar_print(const struct conf_key *, const void *settings, FILE *out);

/* ---- also for texts and lists ---- */

/* What is wrong, cut at CONF_WHY.  Returns -1. */
int conf_refuse(char why[CONF_WHY], const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fit to stand in a message: cut, and nothing in it that a terminal obeys or hides.  Returns out.
 */
const char *conf_shown(const char *text, char out[CONF_SHOWN]);

#endif
