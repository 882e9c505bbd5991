/* conf_section.h - titled sections of a settings file.  Internal to conf. */
#ifndef POLICYPOOL_CONF_SECTION_H
#define POLICYPOOL_CONF_SECTION_H

#include "conf.h"
#include "conf_value.h"

/* The table of keys that may stand in sections with that word; NULL: there is none. */
const struct conf_table *conf_section_table(const struct conf_table *tables, size_t n,
					    const char *word);

/* The name that a key of that table has in a section. */
const char *conf_section_name(const struct conf_key *);

/* A section of that title, empty yet; valid until the next one is added.  NULL with what is wrong
 * in why. */
struct conf_section *conf_section_add(const struct conf_table *, const char *title,
				      const char *path, unsigned line, char why[CONF_WHY]);

/* All are known: puts them in order, and the table's values where none are given.  0, or -1 on
 * ENOMEM. */
MUST_CHECK int conf_sections_complete(const struct conf_table *);

void conf_sections_free(const struct conf_table *);
void conf_sections_print(const struct conf_table *, FILE *out);

#endif
